// The bytes of structural values: one tag byte, then what the tag says. Stored in checkpoints: a tag's meaning never changes.
//
// There is one encoding for each key. Values are equal, for a key, if their bytes are: numbers as a Map sees them (one NaN, one
// zero), records whatever the order of their properties, maps and sets whatever the order of their entries. A property that is
// undefined is not the same as one that is missing. Records of other realms and with no prototype become plain ones; holes in
// arrays become undefined; a Buffer is its bytes; properties keyed by symbols and named properties of arrays are no data.

export const Tag = {
  undefined: 0x00,
  null: 0x01,
  false: 0x02,
  true: 0x03,
  /** A varint. Safe integers only, from 128. */
  integer: 0x04,
  /** The varint of -1 - n. */
  negativeInteger: 0x05,
  /** Eight bytes, big endian: numbers that are no safe integers. */
  double: 0x06,
  /** A varint length and the magnitude, big endian, without leading zeros. */
  bigint: 0x07,
  negativeBigint: 0x08,
  /** A varint length and UTF-8; from 64 bytes. */
  string: 0x09,
  /** A varint count and UTF-16 units, big endian: strings with half a surrogate pair, which have no UTF-8. */
  illFormedString: 0x0a,
  /** The instant's milliseconds as a structural number; NaN for an invalid date. */
  date: 0x0b,
  /** A varint length and the bytes. */
  bytes: 0x0c,
  /** A varint count and the items. */
  array: 0x0d,
  /**
   * A varint length and a header of that length: the names, in the order of their UTF-16 units, as structural strings. Then the
   * values, in that order.
   */
  record: 0x0e,
  /** A varint count; then key and value of each entry, in the order of the keys' bytes. */
  map: 0x0f,
  /** A varint count and the members, in the order of their bytes. */
  set: 0x10,
  /**
   * As a record, with the names in another order: that in which the properties were made. Only values have it, which are compared by their
   * content; keys and the members of sets are records.
   */
  orderedRecord: 0x11,
  /** 0x40 + n: a string of n bytes, up to 63. */
  shortString: 0x40,
  /** 0x80 + n: the integer n, up to 127. */
  smallInteger: 0x80,
} as const

/** Byte strings in lexicographic order, unsigned; a prefix comes first. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b)
