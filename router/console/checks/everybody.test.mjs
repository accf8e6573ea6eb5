// The console for everybody: by keyboard alone, in the dark, on a small screen, and with a key.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hindrances, open } from './browser.mjs';
import { startCluster } from './server.mjs';
import { until } from './until.mjs';

const PAGES = ['map', 'index', 'operate', 'search', 'recall', 'charts', 'events'];
const TITLES = { map: 'Shard map', index: 'Index', operate: 'Operate', search: 'Search', recall: 'Recall', charts: 'Charts', events: 'Events' };
let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startCluster(), open()]);
  await server.import('packages');
  await server.post('/v1/indexes/packages/dumps', {});
  await until('there is a dump', async () => (await server.get('/v1/indexes/packages/dumps')).dumps.length === 1);
  await server.post('/v1/indexes/packages/rollouts', {});
  await until('it is served', async () => (await server.get('/v1/cluster')).indexes.packages.generation === 1);
});
after(async () => {
  await browser?.close();
  await server?.end();
});

/** A page with all that it can show. */
async function filled(tab, page) {
  await tab.go(page === 'charts' || page === 'events' ? page : `${page}/packages`);
  await tab.getByRole('heading', { level: 1, name: TITLES[page] }).waitFor();
  if (page === 'operate') {
    await tab.getByRole('button', { name: 'Show the plan' }).click();
    await tab.locator('.plan').waitFor();
  }
  if (page === 'search') {
    await tab.getByRole('radio', { name: 'a document', exact: true }).check();
    await tab.getByLabel('Document id').fill('nginx');
    await tab.getByRole('button', { name: 'Search', exact: true }).click();
    await tab.getByRole('region', { name: 'Hits' }).waitFor();
  }
  if (page === 'recall') {
    await tab.getByLabel('Documents as queries').fill('25');
    await tab.getByRole('button', { name: 'Take a sample' }).click();
    await tab.locator('.dial').waitFor();
    await tab.getByRole('button', { name: 'Draw the curve' }).click();
    await until('the curve is drawn', async () => (await tab.locator('.plot').first().locator('circle').count()) >= 7);
  }
  if (page === 'charts') {
    const plot = tab.locator('.plot', { hasText: 'A search takes' });
    await until('there is something to see', async () => {
      await server.post('/v1/indexes/packages/search', { id: 'nginx' });
      return (await plot.locator('path.s0').count()) > 0;
    });
  }
}

for (const theme of ['light', 'dark']) {
  for (const width of [360, 1280, 1600]) {
    test(`every page is fit for everybody, ${theme} and ${width} pixels wide`, async () => {
      const tab = await browser.tab(server.url, 'map', { theme, width });
      for (const page of PAGES) {
        await filled(tab, page);
        assert.deepEqual(await hindrances(tab), [], page);
        const sideways = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(sideways <= 0, `${page} is ${sideways} pixels too wide`);
        await tab.picture(`${page}-${theme}-${width}`);
      }
      await tab.leave();
    });
  }
}

/** What has the keyboard: its name, and whether one sees that. */
function focused() {
  const it = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(it);
  return { tag: it.tagName, name: it.getAttribute('aria-label') ?? it.innerText?.trim() ?? it.name, visible: outlineStyle !== 'none' && outlineWidth !== '0px' };
}

test('every page is walked by keyboard alone, and one sees where one is', async () => {
  const tab = await browser.tab(server.url, 'map');
  for (const page of PAGES) {
    await filled(tab, page);
    await tab.evaluate(() => { document.activeElement.blur(); document.querySelector('.skip').focus(); });
    const walked = [];
    for (let step = 0; step < 80; step += 1) {
      await tab.keyboard.press('Tab');
      const now = await tab.evaluate(focused);
      if (now.tag === 'BODY') break;
      walked.push(now);
    }
    assert.deepEqual(walked.filter((one) => !one.visible), [], `${page}: what has the keyboard is seen`);
    const reachable = await tab.evaluate(() => [...document.querySelectorAll('main button, main input, main select, main textarea, main [role=listbox], main svg[tabindex], nav a')]
      .filter((one) => !one.disabled && one.checkVisibility() && (one.type !== 'radio' || one.checked)).length);
    const met = walked.filter((one) => ['BUTTON', 'INPUT', 'SELECT', 'TEXTAREA', 'svg'].includes(one.tag) || one.tag === 'A').length;
    assert.ok(met >= reachable, `${page}: ${met} of ${reachable} are reached`);
  }
  await tab.leave();
});

test('the keyboard goes to another page, through the rings, and through a dialog', async () => {
  const tab = await browser.tab(server.url, 'map');
  const rings = tab.getByRole('listbox');
  await rings.focus();
  const chosen = () => tab.locator('[role=option][aria-selected=true]').getAttribute('aria-label');
  for (const [key, name] of [['ArrowUp', /shard 0, replica 1/], ['ArrowUp', /shard 0, replica 2/], ['ArrowUp', /shard 0, replica 2/], ['ArrowRight', /shard 1, replica 2/], ['ArrowDown', /shard 1, replica 1/], ['ArrowRight', /shard 0, replica 1/]]) {
    await tab.keyboard.press(key);
    assert.match(await chosen(), name);
  }
  await tab.getByRole('region', { name: 'Chosen in the rings' }).getByText('Replica 1').waitFor();
  await tab.getByRole('link', { name: 'Operate' }).focus();
  await tab.keyboard.press('Enter');
  await tab.getByRole('heading', { level: 1, name: 'Operate' }).waitFor();
  assert.equal(await tab.evaluate(() => document.activeElement.id), 'main');
  const button = tab.getByRole('button', { name: /^Delete dump/ });
  await button.focus();
  await tab.keyboard.press('Enter');
  await tab.getByRole('dialog').waitFor();
  for (let step = 0; step < 4; step += 1) {
    await tab.keyboard.press('Tab');
    assert.ok(await tab.evaluate(() => document.activeElement === document.body || document.activeElement.closest('dialog') !== null), 'the keyboard stays in the dialog');
  }
  await tab.keyboard.press('Escape');
  await tab.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await button.evaluate((it) => it === document.activeElement), true);
  await tab.leave();
});

test('the theme is switched, and stays so', async () => {
  const tab = await browser.tab(server.url, 'map', { theme: 'light' });
  const ground = () => tab.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  await tab.getByLabel('Theme').selectOption('dark');
  const dark = await ground();
  assert.notEqual(dark, light);
  await tab.reload();
  assert.equal(await ground(), dark);
  await tab.getByLabel('Theme').selectOption('system');
  assert.equal(await ground(), light);
  await tab.leave();
});

test('a key is asked for where one is needed, refused or taken, and sent with everything', async () => {
  const tab = await browser.tab(server.url, 'events', { expected: [/401/] });
  const without = [];
  await tab.route(/\/(v1\/|metrics)/, (route) => {
    const key = route.request().headers().authorization;
    if (key === 'Bearer good') return route.continue();
    without.push(key);
    return route.fulfill({ status: 401, json: { error: { code: 'unauthorized', message: key ? 'nobody has this key' : 'a key is needed', details: {} } } });
  });
  await tab.reload();
  const dialog = tab.getByRole('dialog', { name: 'This server asks for a key' });
  await dialog.getByText('a key is needed').waitFor();
  assert.deepEqual(await hindrances(tab), []);
  await tab.keyboard.press('Escape');
  assert.ok(await dialog.isVisible());
  await dialog.getByLabel('API key').fill('bad');
  await dialog.getByRole('button', { name: 'Use this key' }).click();
  await dialog.getByText('That key was refused: nobody has this key').waitFor();
  await dialog.getByLabel('API key').fill('good');
  await tab.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await tab.getByRole('log').getByText('node joined').first().waitFor();
  const before = without.length;
  await tab.reload();
  await tab.getByRole('log').getByText('node joined').first().waitFor();
  assert.equal(without.length, before, 'it is kept with the tab');
  await tab.leave();
});
