// Types that a program can infer from the package's entries must be exported by them: a library with `declaration: true` names them.
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assert } from 'chai'
import ts from 'typescript'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** How a type was reached: `Coder.json`. */
type Path = ReadonlyArray<string>
const longestPath = 12

const programOf = (files: ReadonlyArray<string>): ts.Program => {
  const config = ts.readConfigFile(`${root}tsconfig.json`, path => ts.sys.readFile(path)).config as object
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  return ts.createProgram(files, options)
}

/** The interfaces, classes, enums and exported aliases of this package that `entries` use in their types and do not export, each with how it is reached. */
const unnameable = (program: ts.Program, entries: ReadonlyArray<string>): ReadonlyArray<string> => {
  const checker = program.getTypeChecker()
  const exported = entries
    .flatMap(entry => {
      const source = program.getSourceFile(entry)
      const module = source === undefined ? undefined : checker.getSymbolAtLocation(source)
      if (module === undefined) throw new Error(`${entry} is not a module`)
      return checker.getExportsOfModule(module)
    })
    .map(symbol => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
  const nameable = new Set(exported)
  const missing = new Map<ts.Symbol, Path>()
  const seenTypes = new Set<ts.Type>()
  const seenSymbols = new Set<ts.Symbol>()

  const fileOf = ({ declarations }: ts.Symbol): string => declarations?.[0]?.getSourceFile().fileName ?? ''
  const isOurs = (symbol: ts.Symbol): boolean => fileOf(symbol).startsWith(root) && !fileOf(symbol).includes('/node_modules/')
  // The compiler writes out an alias that its own file keeps to itself.
  const isExported = ({ declarations }: ts.Symbol): boolean =>
    declarations?.some(declaration => (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export) !== 0) === true
  const isHidden = (member: ts.Symbol): boolean =>
    member.getJsDocTags(checker).some(({ name }) => name === 'internal') ||
    member.declarations?.some(declaration => (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private) !== 0) === true

  const visit = (type: ts.Type, path: Path): void => {
    if (seenTypes.has(type) || path.length > longestPath) return
    seenTypes.add(type)
    for (const argument of type.aliasTypeArguments ?? []) visit(argument, path)
    const alias = type.aliasSymbol
    if (alias !== undefined && isOurs(alias) && isExported(alias) && !nameable.has(alias) && !missing.has(alias)) missing.set(alias, path)
    if (type.isUnionOrIntersection()) return type.types.forEach(part => visit(part, path))
    if (type.flags & ts.TypeFlags.TypeParameter) {
      const constraint = checker.getBaseConstraintOfType(type)
      return constraint === undefined ? undefined : visit(constraint, path)
    }
    if (!(type.flags & ts.TypeFlags.Object)) return
    if ((type as ts.ObjectType).objectFlags & ts.ObjectFlags.Reference)
      for (const argument of checker.getTypeArguments(type as ts.TypeReference)) visit(argument, path)
    const { symbol } = type as { readonly symbol?: ts.Symbol }
    if (symbol !== undefined && symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.Class | ts.SymbolFlags.Enum)) {
      if (!isOurs(symbol)) return
      if (!nameable.has(symbol) && !missing.has(symbol)) missing.set(symbol, path)
      if (seenSymbols.has(symbol)) return
      seenSymbols.add(symbol)
      return members(checker.getDeclaredTypeOfSymbol(symbol), [...path, symbol.name])
    }
    members(type, path)
  }
  const members = (type: ts.Type, path: Path): void => {
    for (const member of type.getProperties()) if (!isHidden(member)) visit(checker.getTypeOfSymbol(member), [...path, member.name])
    for (const signature of [...type.getCallSignatures(), ...type.getConstructSignatures()]) {
      for (const parameter of signature.parameters) visit(checker.getTypeOfSymbol(parameter), [...path, `(${parameter.name})`])
      visit(signature.getReturnType(), [...path, '()'])
    }
  }

  for (const symbol of exported.filter(isOurs)) {
    if (symbol.flags & ts.SymbolFlags.Value) visit(checker.getTypeOfSymbol(symbol), [symbol.name])
    if (symbol.flags & ts.SymbolFlags.Type) visit(checker.getDeclaredTypeOfSymbol(symbol), [symbol.name])
  }
  return [...missing].map(([symbol, path]) => `${symbol.name} of ${relative(root, fileOf(symbol))}, by ${path.join('.')}`)
}

const entries = async (): Promise<ReadonlyArray<string>> => {
  const { exports } = JSON.parse(await readFile(`${root}package.json`, 'utf8')) as {
    readonly exports: Readonly<Record<string, { readonly 'jetbeam-source'?: string } | string>>
  }
  return Object.values(exports).flatMap(entry =>
    typeof entry === 'string' || entry['jetbeam-source'] === undefined ? [] : [root + entry['jetbeam-source'].slice(2)],
  )
}

describe('The types of the package', () => {
  it('can all be named from its entries, and would be missed if one did not export them', async () => {
    const all = await entries()
    assert.isAbove(all.length, 5)
    const program = programOf(all)
    assert.deepEqual(unnameable(program, all), [])
    const withoutSdk = unnameable(
      program,
      all.filter(entry => !entry.endsWith('/sdk/index.ts')),
    )
    for (const name of ['Coder', 'PCollection', 'PDone'])
      assert.isTrue(
        withoutSdk.some(line => line.startsWith(`${name} of `)),
        name,
      )
  })
})
