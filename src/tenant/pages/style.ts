/**
 * How the pages look: light and dark, wide and narrow. Each text colour has a contrast of 4.5 or more with its background, and each control is
 * 44 px high or more (WCAG 2.2 §1.4.3 and §2.5.5).
 */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f4f5fb; --sheet: #ffffff; --sunken: #f3f4fa; --line: #d5d9e8; --text: #171a2b; --muted: #565b75;
  --accent: #4338ca; --accent-text: #ffffff; --accent-soft: #eceafd;
  --note: #6b4300; --note-back: #fff2d6; --bad: #a8122f; --bad-back: #fdebee;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12141f; --sheet: #1b1e2d; --sunken: #151825; --line: #3a405c; --text: #eceefa; --muted: #a9afca;
    --accent: #b3b0ff; --accent-text: #171a2b; --accent-soft: #2a2b52;
    --note: #ffd58a; --note-back: #3d2b08; --bad: #ff9fb0; --bad-back: #43192a;
  }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
.note { margin: 0; padding: .5rem 1rem; background: var(--note-back); color: var(--note); font-size: .875rem; text-align: center }
main { max-width: 31rem; margin: 0 auto; padding: 2rem 1rem 3rem }
main.wide { max-width: 60rem }
main > section, main > form { margin-top: 1.25rem; padding: 1.25rem; border: 1px solid var(--line); border-radius: .75rem;
  background: var(--sheet) }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; letter-spacing: -.015em }
h2 { margin: 0 0 .5rem; font-size: 1.125rem }
h3 { margin: 1.5rem 0 .5rem; color: var(--muted); font-size: .875rem; font-weight: 600 }
p { margin: .5rem 0 0 }
.lead { font-size: 1.0625rem }
.quiet { color: var(--muted); font-size: .875rem }
a { color: var(--accent) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
code, pre, .code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .875em }
pre { margin: .5rem 0 0; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--sunken);
  white-space: pre-wrap }
.copy { user-select: all }
[role=alert] { margin-top: 1.25rem; padding: .75rem 1rem; border-left: .35rem solid var(--bad); border-radius: .5rem;
  background: var(--bad-back); color: var(--bad); font-weight: 500 }
[role=alert]:empty { display: none }
button, .button, input, select { min-height: 2.75rem; border: 1px solid var(--line); border-radius: .5rem; font: inherit }
button, .button { display: inline-flex; align-items: center; justify-content: center; padding: .375rem 1.125rem; background: var(--sheet);
  color: inherit; font-weight: 600; text-decoration: none; cursor: pointer }
button:hover, .button:hover { border-color: var(--accent); background: var(--accent-soft) }
.primary { border-color: var(--accent); background: var(--accent); color: var(--accent-text) }
.primary:hover { background: var(--accent); text-decoration: underline }
input, select { width: 100%; padding: .375rem .75rem; border-color: var(--muted); background: var(--sheet); color: inherit }
label { display: block; margin-bottom: .25rem; font-weight: 600 }
.field { display: grid; grid-template-columns: 1fr auto; gap: .5rem }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.25rem }
.actions form { display: contents }
.accounts { display: grid; gap: .5rem; margin: 0; padding: 0; list-style: none }
.accounts button { display: grid; grid-template-columns: 1fr auto; gap: 0 .75rem; width: 100%; padding: .5rem .875rem; font-weight: 400;
  text-align: left }
.accounts strong, .accounts .quiet { grid-column: 1 }
.accounts .primary .quiet { color: inherit }
.tag { grid-column: 2; grid-row: 1 / 3; align-self: center; padding: 0 .625rem; border-radius: 1rem; background: var(--accent-soft);
  color: var(--accent); font-size: .8125rem; font-weight: 600 }
.usercode { font-size: 1.5rem; font-weight: 700; letter-spacing: .12em }
.rows { margin: 0; padding: 0; list-style: none }
.rows > li { display: grid; grid-template-columns: 16rem 1fr; gap: 0 1rem; padding: .625rem 0; border-top: 1px solid var(--line) }
.rows > li:first-child { border-top: 0 }
.rows > li > :first-child { font-weight: 600 }
.rows ul { margin: 0; padding: 0; list-style: none }
details { margin-top: .75rem }
summary { min-height: 2.75rem; padding: .625rem 0; color: var(--muted); cursor: pointer }
@media (max-width: 40rem) {
  main { padding-top: 1.25rem }
  h1 { font-size: 1.5rem }
  main > section, main > form { padding: 1rem }
  .rows > li { grid-template-columns: 1fr }
  .field { grid-template-columns: 1fr }
  .actions > *, .actions button { flex: 1 1 100% }
}
`
