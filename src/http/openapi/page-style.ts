export const STYLE = `:root{color-scheme:light dark;--line:#8884;--soft:#8881}
*{box-sizing:border-box}
body{margin:0;font:15px/1.5 system-ui,sans-serif;display:grid;grid-template-columns:20rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1rem;border-right:1px solid var(--line);font-size:13px}
nav a{display:block;padding:.15rem 0;color:inherit;text-decoration:none;overflow-wrap:anywhere}
nav a:hover,nav a:focus{text-decoration:underline}
nav summary{cursor:pointer;padding:.15rem 0;font-weight:600}
nav .op{padding-left:1rem}
main{padding:1rem 2rem 4rem;max-width:60rem}
section{border-top:1px solid var(--line);padding-top:.5rem}
h3 b{font-size:.8em;padding:.1em .4em;border:1px solid var(--line);border-radius:4px}
code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:.75rem;overflow:auto;max-height:24rem;border-radius:6px}
figure{margin:0}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto;border-right:0}main{padding:1rem}}`;
