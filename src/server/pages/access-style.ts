/**
 * How the access page looks: light and dark, wide and narrow, on screen and on paper. Marks are words, so that no meaning depends on
 * colour; each text colour has a contrast of 4.5 or more with its background (WCAG 2.2 §1.4.3).
 */
export const accessStyle = `
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --sheet: #ffffff; --line: #d5dae0; --text: #1b1f24; --muted: #57606a; --link: #0a4a94;
  --public: #7a4100; --public-back: #fff0d1;
  --optional: #5b2a9b; --optional-back: #f1e8fd;
  --token: #0a4a94; --token-back: #e1eeff;
  --permission: #17552a; --permission-back: #e0f4e5;
  --warning: #8c1a12; --warning-back: #ffe5e3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161b; --sheet: #1a2027; --line: #343c46; --text: #e6e9ed; --muted: #a3adb8; --link: #a9d0ff;
    --public: #ffd58a; --public-back: #4a3208;
    --optional: #dcc4ff; --optional-back: #38205c;
    --token: #a9d0ff; --token-back: #12355f;
    --permission: #a5e5b3; --permission-back: #153d20;
    --warning: #ffc0ba; --warning-back: #55191a;
  }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 64rem; padding: 2rem 1rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; letter-spacing: -.01em }
header p, footer { color: var(--muted) }
header p { margin: .5rem 0 0 }
a { color: var(--link) }
code, .methods { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere }
.counts { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .75rem; margin: 1.5rem 0; padding: 0;
  list-style: none }
.counts li { padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--sheet) }
.counts b { margin-right: .5rem; font-size: 1.5rem; line-height: 1.2 }
.counts p { margin: .25rem 0 0; color: var(--muted); font-size: .875rem }
table { width: 100%; border: 1px solid var(--line); border-radius: .5rem; border-spacing: 0; background: var(--sheet) }
caption { padding: 0 0 .5rem; color: var(--muted); text-align: left }
th, td { padding: .55rem 1rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
thead th { color: var(--muted); font-size: .875rem }
tbody th, tbody td { border-top: 1px solid var(--line) }
tbody th { width: 46%; padding-left: 8rem; font-weight: normal }
tbody td { padding-left: 9.5rem }
tbody code { font-weight: 600 }
.group th { padding-top: 1.25rem; padding-left: 1rem; font-weight: 600 }
tbody tr:not(.group):hover > * { background: var(--page) }
.methods { display: inline-block; width: 6.7rem; margin-left: -7rem; color: var(--muted); font-size: .875rem }
.mark { display: inline-block; padding: 0 .75rem; border: 1px solid transparent; border-radius: 1rem; font-size: .875rem;
  font-weight: 600; text-align: center }
td .mark { width: 8rem; margin: 0 .2rem 0 -8.5rem }
.public { background: var(--public-back); color: var(--public) }
.optional { background: var(--optional-back); color: var(--optional) }
.token { background: var(--token-back); color: var(--token) }
.permission { background: var(--permission-back); color: var(--permission) }
.unknown, .nobody { background: var(--warning-back); color: var(--warning) }
footer { margin-top: 1.5rem; font-size: .875rem }
@media (max-width: 48rem) {
  body { padding: 1.25rem .75rem }
  .counts { grid-template-columns: 1fr 1fr; gap: .5rem }
  table, caption, tbody, tr, th, td { display: block }
  caption { padding: .75rem 1rem }
  thead { display: none }
  tbody th { width: auto; padding-bottom: 0 }
  tbody td { padding-top: .2rem; padding-left: 9.5rem; border-top: 0 }
  tbody th { padding-left: 1rem }
  .methods { width: auto; margin: 0 .5rem 0 0 }
  .group th { padding-bottom: .55rem }
}
@media print { body { max-width: none } .mark { border-color: currentcolor } }
`
