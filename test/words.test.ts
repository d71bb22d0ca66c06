/** Words that are always wrong here, since a reader of an RFC would have to translate them. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import t from 'tap'

const wrong = ['stranger', 'taken back', 'of late', 'parted by', 'left alone', 'could not be had']

/** What is read: files, and `*.ending` for all files of a folder, `**` for those below it as well. */
const places = [
  'src/**/*.ts',
  'examples/**/*.ts',
  'examples/**/*.html',
  'examples/**/*.md',
  'openapi.yaml',
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'docs/*.md',
  'bench/README.md'
]

async function filesOf(place: string): Promise<string[]> {
  const [folder = '', isDeep] = dirname(place).endsWith('/**') ? [dirname(place).slice(0, -3), true] : [dirname(place)]
  if (!basename(place).startsWith('*')) return [place]
  const names = await readdir(folder, { recursive: isDeep === true })
  const own = names.filter((name) => !name.includes('node_modules') && !name.includes('dist/'))
  return own.filter((name) => name.endsWith(basename(place).slice(1))).map((name) => `${folder}/${name}`)
}

/** Each wrong word of a text with the line that it begins in; between the words of one may be the end of a line. */
function wrongWordsIn(text: string): string[] {
  return wrong.flatMap((word) => {
    // The beginning of a comment's next line counts as white space.
    const pattern = new RegExp(`\\b${word.replaceAll(' ', '\\s+(?:(?:\\*|//)\\s+)?')}`, 'gi')
    return [...text.matchAll(pattern)].map(({ index }) => `line ${text.slice(0, index).split('\n').length}: ${word}`)
  })
}

t.test('no word that is always wrong', async (t) => {
  for (const place of places) {
    const files = await filesOf(place)
    t.ok(files.length > 0, `${place} has files`)
    for (const file of files) t.same(wrongWordsIn(await readFile(file, 'utf8')), [], file)
  }
})

t.test('wrong words are found, in any case, in the plural and across lines', async (t) => {
  t.same(wrongWordsIn('a\nclosed to Strangers'), ['line 2: stranger'])
  t.same(wrongWordsIn('it was taken\nback'), ['line 1: taken back'])
  t.same(wrongWordsIn('/**\n * words parted\n * by spaces\n */\n// left\n// alone'), [
    'line 2: parted by',
    'line 5: left alone'
  ])
  t.same(wrongWordsIn('plain technical English'), [])
  t.ok((await filesOf('src/**/*.ts')).includes('src/plugin/index.ts'))
  for (const page of ['src/server/pages/access-page.ts', 'src/tenant/sign-in/pages.ts'])
    t.ok((await filesOf('src/**/*.ts')).includes(page), page)
  t.ok((await filesOf('examples/**/*.md')).includes('examples/spa/README.md'))
})
