/* The dashboard. Text from the server only ever becomes text nodes, so no name or reason can become markup. */

const TOKEN = 'gitclaw_admin_token';
const PER_PAGE = 50;
const REFRESH_MS = 30_000;
const view = document.getElementById('view');
const menu = document.getElementById('menu');
const dialog = document.getElementById('dialog');
let timer;

/** An element; `on*` properties become listeners, other properties attributes. */
function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().map((child) => child ?? '–'));
  return element;
}

async function api(method, path, body) {
  const token = localStorage.getItem(TOKEN);
  const answer = await fetch(`/api/admin${path}`, {
    method,
    headers: {
      'Content-Type': 'application/json',
      ...(token && { Authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const { data, error } = await answer.json();
  if (answer.ok) return data;
  if (answer.status === 401 && path !== '/login') {
    localStorage.removeItem(TOKEN);
    go('/admin/login');
  }
  throw new Error(error.message);
}

const time = (text) => (text ? new Date(text).toLocaleString() : undefined);
const size = (bytes) => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  let value = bytes;
  for (; value >= 1024 && at < units.length - 1; at++) value /= 1024;
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]}`;
};
const button = (label, onclick, danger) =>
  el('button', { type: 'button', class: danger && 'danger', onclick: () => guarded(onclick) }, label);
const field = (label, properties) => el('label', {}, label, el('input', properties));
const card = (title, value, note) => el('div', { class: 'card' }, title, el('b', {}, String(value)), note ?? '');
const cards = (...items) => el('div', { class: 'cards' }, ...items);
const withId = (name, id) => el('td', {}, name, el('small', {}, id));

function table(heads, rows) {
  if (rows.length === 0) return el('p', {}, 'Nothing here.');
  const head = el('tr', {}, ...heads.map((text) => el('th', { scope: 'col' }, text)));
  const body = rows.map((cells) =>
    el('tr', {}, ...cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : el('td', {}, cell ?? '–')))),
  );
  return el('div', { class: 'wide' }, el('table', {}, el('thead', {}, head), el('tbody', {}, ...body)));
}

/** Shows a failure at the top of the page instead of losing it. */
async function guarded(work) {
  try {
    await work();
  } catch (error) {
    view.querySelector('.error')?.remove();
    view.prepend(el('p', { class: 'error', role: 'alert' }, error.message));
  }
}

function show(title, ...parts) {
  document.title = `${title} – GitClaw admin`;
  view.replaceChildren(el('h1', {}, title), ...parts);
}

/** The form's fields as a query, without empty ones. */
function queryOf(form, more = {}) {
  const all = [...new FormData(form), ...Object.entries(more)];
  return new URLSearchParams(all.filter(([, value]) => value !== ''));
}

/** A filter form above pages of a list. */
function list(title, filters, load, rows) {
  const target = el('div');
  const form = el('form', {}, ...filters, el('button', {}, 'Show'));
  let page = 1;
  const refresh = async () => {
    const data = await load(queryOf(form, { page: String(page), perPage: String(PER_PAGE) }));
    const turn = (by) => () => {
      page += by;
      return refresh();
    };
    target.replaceChildren(
      rows(data.items, refresh),
      el(
        'div',
        { class: 'row' },
        ...(data.page > 1 ? [button('Back', turn(-1))] : []),
        `Page ${data.page} of ${data.totalPages}, ${data.total} in all`,
        ...(data.page < data.totalPages ? [button('Next', turn(1))] : []),
      ),
    );
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    page = 1;
    guarded(refresh);
  });
  show(title, form, target);
  return refresh();
}

const pages = {
  '/admin': ['Overview', overview],
  '/admin/agents': ['Agents', agents],
  '/admin/repos': ['Repositories', repos],
  '/admin/audit': ['Audit', audit],
  '/admin/health': ['Health', health],
  '/admin/reconciliation': ['Reconciliation', reconciliation],
};

function loginPage() {
  const form = el(
    'form',
    { class: 'login' },
    field('User name', { name: 'username', autocomplete: 'username', required: true }),
    field('Password', { name: 'password', type: 'password', autocomplete: 'current-password', required: true }),
    el('button', {}, 'Log in'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    guarded(async () => {
      const { token } = await api('POST', '/login', Object.fromEntries(new FormData(form)));
      localStorage.setItem(TOKEN, token);
      go('/admin');
    });
  });
  show('Log in', form);
}

async function overview() {
  const stats = await api('GET', '/stats');
  const { pullRequests: pulls, ciRuns: runs } = stats;
  show(
    'Overview',
    cards(
      card('Agents', stats.totalAgents, `${stats.suspendedAgents} suspended`),
      card('Repositories', stats.totalRepos),
      card('Stars', stats.totalStars),
    ),
    el('h2', {}, 'Pull requests'),
    cards(card('Open', pulls.open), card('Merged', pulls.merged), card('Closed', pulls.closed)),
    el('h2', {}, 'CI runs'),
    cards(
      ...[card('Pending', runs.pending), card('Running', runs.running)],
      ...[card('Passed', runs.passed), card('Failed', runs.failed)],
    ),
    el('div', { class: 'row' }, button('Refresh', overview)),
  );
}

function agents() {
  const suspend = async (agent, refresh) => {
    const reason = prompt(`Suspend ${agent.agentName}? Reason (may stay empty):`);
    if (reason === null) return;
    await api('POST', `/agents/${encodeURIComponent(agent.agentId)}/suspend`, { reason: reason || null });
    await refresh();
  };
  const unsuspend = async (agent, refresh) => {
    await api('POST', `/agents/${encodeURIComponent(agent.agentId)}/unsuspend`);
    await refresh();
  };
  return list(
    'Agents',
    [field('Name or id', { name: 'search', type: 'search' })],
    (query) => api('GET', `/agents?${query}`),
    (items, refresh) =>
      table(
        ['Agent', 'Since', 'Reputation', 'Repositories', 'Pull requests', 'Reviews', 'State', ''],
        items.map((agent) => [
          withId(agent.agentName, agent.agentId),
          time(agent.createdAt),
          agent.reputationScore.toFixed(3),
          agent.repoCount,
          agent.prCount,
          agent.reviewCount,
          agent.suspended
            ? el(
                'td',
                {},
                'suspended',
                el('small', {}, time(agent.suspendedAt)),
                el('small', {}, agent.suspendedReason ?? ''),
              )
            : 'active',
          agent.suspended
            ? button('Unsuspend', () => unsuspend(agent, refresh))
            : button('Suspend', () => suspend(agent, refresh), true),
        ]),
      ),
  );
}

function repos() {
  const remove = async (repo, refresh) => {
    const name = `${repo.ownerName}/${repo.name}`;
    if (prompt(`This deletes ${name} with all its objects. Type its name to go on:`) !== name) return;
    await api('DELETE', `/repos/${encodeURIComponent(repo.repoId)}`);
    await refresh();
  };
  return list(
    'Repositories',
    [field('Name, owner or id', { name: 'search', type: 'search' })],
    (query) => api('GET', `/repos?${query}`),
    (items, refresh) =>
      table(
        ['Repository', 'Visibility', 'Since', 'Stars', 'Pull requests', 'CI runs', 'Objects', 'Size', ''],
        items.map((repo) => [
          withId(`${repo.ownerName}/${repo.name}`, repo.repoId),
          repo.visibility,
          time(repo.createdAt),
          repo.starCount,
          repo.prCount,
          repo.ciRunCount,
          repo.objectCount,
          size(repo.totalSizeBytes),
          button('Delete', () => remove(repo, refresh), true),
        ]),
      ),
  );
}

function audit() {
  const detail = (event) => {
    const text = JSON.stringify(event, null, 2);
    dialog.replaceChildren(
      el('pre', {}, text),
      button('Close', () => dialog.close()),
    );
    dialog.showModal();
  };
  let shown = [];
  const save = (name, type, text) => {
    const link = el('a', { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const csv = () => {
    const columns = ['eventId', 'timestamp', 'agentId', 'action', 'resourceType', 'resourceId', 'data'];
    // A leading apostrophe keeps spreadsheets from taking text for a formula.
    const cell = (value) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
    };
    return [columns.join(','), ...shown.map((event) => columns.map((name) => cell(event[name])).join(','))].join(
      '\r\n',
    );
  };
  return list(
    'Audit',
    [
      field('Agent', { name: 'agentId' }),
      field('Action', { name: 'action' }),
      field('Resource type', { name: 'resourceType' }),
      field('Resource id', { name: 'resourceId' }),
      field('From', { name: 'fromTimestamp', placeholder: '2026-01-15T10:30:00Z' }),
      field('To', { name: 'toTimestamp' }),
      button('JSON', () => save('audit.json', 'application/json', JSON.stringify(shown, null, 2))),
      button('CSV', () => save('audit.csv', 'text/csv', csv())),
    ],
    (query) => api('GET', `/audit?${query}`),
    (items) => {
      shown = items;
      return table(
        ['Time', 'Agent', 'Action', 'Resource', ''],
        items.map((event) => [
          time(event.timestamp),
          event.agentId,
          event.action,
          withId(event.resourceType, event.resourceId),
          button('Details', () => detail(event)),
        ]),
      );
    },
  );
}

async function health() {
  const data = await api('GET', '/health');
  const component = (title, { status, error, ...facts }) =>
    el(
      'div',
      { class: 'card' },
      title,
      el('b', { class: status }, status),
      ...Object.entries(facts).map(([name, value]) => el('div', {}, `${name}: ${value ?? '–'}`)),
      error ? el('div', { class: 'error' }, error) : '',
    );
  show(
    'Health',
    el('p', {}, 'Overall: ', el('strong', { class: data.status }, data.status), `, checked ${time(data.checkedAt)}`),
    cards(
      component('Database', data.database),
      component('Object storage', data.objectStorage),
      component('Outbox', data.outbox),
    ),
  );
  timer = setTimeout(() => guarded(health), REFRESH_MS);
}

async function reconciliation() {
  const target = el('div');
  const path = (repoId) => `/repos/${encodeURIComponent(repoId)}`;
  const scan = async () => {
    target.replaceChildren('Scanning…');
    const data = await api('GET', '/repos/reconcile');
    const remove = (repo, type) => async () => {
      if (prompt(`Type ${repo.repoId} to delete it:`) !== repo.repoId) return;
      await api('DELETE', `${path(repo.repoId)}/orphaned?type=${type}`);
      await scan();
    };
    const reconnect = (repo) => async () => {
      const ownerName = prompt('Name of the owner:');
      const name = ownerName && prompt('Name of the repository:');
      if (!name) return;
      await api('POST', `${path(repo.repoId)}/reconnect`, { ownerName, name });
      await scan();
    };
    target.replaceChildren(
      el('p', {}, `${data.totalDisconnected} disconnected, scanned ${time(data.scannedAt)}`),
      el('h2', {}, 'Only in the database'),
      table(
        ['Repository', 'Since', ''],
        data.dbOnlyRepos.map((repo) => [
          withId(`${repo.ownerName}/${repo.name}`, repo.repoId),
          time(repo.createdAt),
          button('Delete record', remove(repo, 'db'), true),
        ]),
      ),
      el('h2', {}, 'Only in the object storage'),
      table(
        ['Repository', 'Objects', 'Size', 'Newest', '', ''],
        data.storageOnlyRepos.map((repo) => [
          repo.repoId,
          repo.objectCount,
          size(repo.totalSizeBytes),
          time(repo.storageMetadata.newestObjectAt),
          button('Reconnect', reconnect(repo)),
          button('Delete objects', remove(repo, 'storage'), true),
        ]),
      ),
    );
  };
  show('Reconciliation', el('div', { class: 'row' }, button('Scan', scan)), target);
}

function drawMenu(path) {
  const follow = (event) => {
    event.preventDefault();
    go(event.target.getAttribute('href'));
  };
  const out = async () => {
    await api('POST', '/logout').finally(() => localStorage.removeItem(TOKEN));
    go('/admin/login');
  };
  menu.replaceChildren(
    ...Object.entries(pages).map(([href, [title]]) =>
      el('a', { href, onclick: follow, 'aria-current': path === href && 'page' }, title),
    ),
    el('button', { type: 'button', class: 'link', onclick: () => guarded(out) }, 'Log out'),
  );
}

function go(path) {
  history.pushState(null, '', path);
  draw();
}

function draw() {
  clearTimeout(timer);
  const path = location.pathname.replace(/\/+$/, '');
  if (!localStorage.getItem(TOKEN) || path === '/admin/login') {
    menu.replaceChildren();
    loginPage();
    return;
  }
  const [title, open] = pages[path] ?? pages['/admin'];
  drawMenu(pages[path] ? path : '/admin');
  show(title, el('p', {}, 'Loading…'));
  guarded(open);
}

addEventListener('popstate', draw);
draw();
