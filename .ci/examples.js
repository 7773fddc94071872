// An @example as a module: its imports, what it shows as checks, and its bare collections as runs.
import { join, relative } from 'node:path'
import ts from 'typescript'

/** fp-ts under the letters that its users give it. */
const functional = { E: 'Either', N: 'number', O: 'Option', Ord: 'Ord', S: 'string', T: 'These', TE: 'TaskEither' }
/** What users bring along. */
const libraries = { assert: 'chai', connect: '@nats-io/transport-node', z: 'zod' }
/** What stands before an example's own first line. */
export const headLines = 1
/** What waits for a server, or is a program of its own, is only compiled. */
const outside = /\b(NatsServer|jetStreamStore|connect|main)\b/
/** What would need a server to run is built all the same. */
const served = /\b(JetStreamIO|KvIO|NatsIO|ObjectStoreIO)\b/
/** What a file holds is kept exactly once by checkpoints. */
const lasting = /\bTextIO\.write\b/

/** All of a file's examples: the code, and where it begins. */
export const examplesOf = file => {
  const found = []
  const visit = node => {
    for (const doc of node.jsDoc ?? []) {
      for (const tag of doc.tags ?? []) {
        if (tag.tagName.text !== 'example') continue
        const text = file.text.slice(tag.tagName.end, tag.end).replace(/\s*\*\/$/, '')
        const code = text.split('\n').map((line, i) => (i === 0 ? line : line.replace(/^\s*\* ?/, '')))
        found.push({
          file: file.fileName,
          line: file.getLineAndCharacterOfPosition(tag.tagName.end).line + 1,
          code: code.join('\n').trimEnd(),
        })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

export const exampleModules = (examples, { known, exportsOf, folder, harness }) =>
  examples.map(({ file: from, line, code }, i) => {
    const file = join(folder, `example-${i}.ts`)
    const source = ts.createSourceFile(file, code, ts.ScriptTarget.ESNext, true)
    const shown = source.statements.filter(ts.isExpressionStatement).map(statement => ({ statement, gives: givesAfter(source, statement) }))
    const names = [
      ...new Set([...identifiers(source), ...shown.flatMap(({ gives }) => (gives === null ? [] : identifiers(parse(`[${gives}]`))))]),
    ]
    const declared = new Set(declaredIn(source))
    const imports = names.flatMap(name => {
      if (declared.has(name)) return []
      const found = known.get(name)
      if (found !== undefined) return [importOf(name, found.isType, found.specifier ?? relative(folder, found.file))]
      const isType = exportsOf(from).get(name)
      if (isType !== undefined) return [importOf(name, isType, relative(folder, from))]
      if (name in libraries) return [`import { ${name} } from '${libraries[name]}'`]
      return name in functional ? [`import * as ${name} from 'fp-ts/lib/${functional[name]}.js'`] : []
    })
    const head = `${imports.join('; ')}; export {}\n`
    const isOutside = outside.test(code)
    const verb = served.test(code) ? 'showsUnrun' : lasting.test(code) ? 'showsDurably' : 'shows'
    const running = isOutside ? null : `import { ${verb} as shows$ } from '${harness}'; ${head}${transformed(code, shown)}`
    return { file, place: { file: from, line }, typed: head + code, running }
  })

const importOf = (name, isType, specifier) => `import { ${isType ? 'type ' : ''}${name} } from '${specifier}'`

const parse = text => ts.createSourceFile('shown.ts', text, ts.ScriptTarget.ESNext, true)

/** Those that may be free: not what follows a dot or names a property. */
const identifiers = source => {
  const found = []
  const visit = node => {
    const { parent } = node
    const isName =
      ts.isIdentifier(node) &&
      !(ts.isPropertyAccessExpression(parent) && parent.name === node) &&
      !(ts.isQualifiedName(parent) && parent.right === node) &&
      !(ts.isPropertyAssignment(parent) && parent.name === node) &&
      !(ts.isMethodDeclaration(parent) && parent.name === node) &&
      !(ts.isPropertySignature(parent) && parent.name === node)
    if (isName) found.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

const declaredIn = source =>
  source.statements.flatMap(statement => {
    if (ts.isImportDeclaration(statement)) {
      const { name, namedBindings } = statement.importClause ?? {}
      const named = namedBindings === undefined ? [] : ts.isNamespaceImport(namedBindings) ? [namedBindings] : [...namedBindings.elements]
      return [name, ...named.map(binding => binding.name)].filter(Boolean).map(binding => binding.text)
    }
    if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.flatMap(({ name }) => boundBy(name))
    return statement.name === undefined ? [] : [statement.name.text]
  })

const boundBy = name =>
  ts.isIdentifier(name) ? [name.text] : name.elements.flatMap(element => (element.name === undefined ? [] : boundBy(element.name)))

/** What a comment behind an expression, or on lines of its own under it, says that it gives. */
const givesAfter = (source, statement) => {
  const [first, ...more] = source.text.slice(statement.end).split('\n')
  const marked = /^\s*\/\/ =>\s*(.*)$/
  const on = [first, ...more].findIndex(line => marked.test(line))
  if (on === -1 || ![first, ...more].slice(0, on).every(line => line.trim() === '')) return null
  const lines = [first, ...more].slice(on)
  const end = lines.findIndex((line, i) => i > 0 && !/^\s*\/\/ {2}/.test(line))
  return lines
    .slice(0, end === -1 ? undefined : end)
    .map((line, i) => (i === 0 ? line.replace(marked, '$1') : line.replace(/^\s*\/\//, '')))
    .join('\n')
}

const transformed = (code, shown) => {
  let text = code
  for (const { statement, gives } of shown.toReversed()) {
    const { expression } = statement
    text = `${text.slice(0, expression.getStart())}await shows$(${expression.getText()}${gives === null ? '' : `, [${gives}]`})${text.slice(expression.end)}`
  }
  return text
}
