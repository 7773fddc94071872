/** How Jetbeam reports that a stream is not the one that it has read. */
export const lostHistory = /ends at sequence \d+, but sequence|is a message stored at|was deleted and created again/
