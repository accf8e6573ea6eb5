// A real browser before the pages. Whatever it complains of fails the test that it was opened for.
import { createRequire } from 'node:module';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? 'target');
const modules = createRequire(join(target, 'console/'));
const { chromium } = modules('playwright-core');
const axe = modules.resolve('axe-core/axe.min.js');
/** Where pictures go. */
const pictures = process.env.ANNULI_PICTURES ?? join(target, 'console/pictures');
mkdirSync(pictures, { recursive: true });

/** Pages of this folder instead of the program's, for who works on them and does not want to build. */
const pages = process.env.ANNULI_PAGES;
const TYPES = { html: 'text/html; charset=utf-8', js: 'text/javascript', mjs: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };

/** Without these a browser of a closed network asks for hosts that it cannot reach. */
const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export async function open() {
  const browser = await chromium.launch({ executablePath: process.env.ANNULI_BROWSER ?? '/usr/bin/chromium', args: QUIET });
  return {
    /** A tab at a page of the console; `expected` complaints are none. */
    async tab(url, page, { theme = 'light', width = 1280, height = 900, expected = [] } = {}) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce' });
      if (pages) {
        await context.route(/\/console\//, (route) => {
          const file = new URL(route.request().url()).pathname.split('/console/')[1] || 'index.html';
          return route.fulfill({ path: join(pages, file), contentType: TYPES[file.split('.').at(-1)] });
        });
      }
      const tab = await context.newPage();
      tab.setDefaultTimeout(30_000);
      const complaints = [];
      const note = (text) => expected.some((known) => known.test(text)) || complaints.push(text);
      tab.on('pageerror', (error) => note(error.stack ?? error.message));
      tab.on('console', (said) => ['error', 'warning'].includes(said.type()) && note(`${said.text()} ${said.location().url}`));
      await tab.goto(`${url}/console/#/${page}`);
      return Object.assign(tab, {
        async go(other) {
          await tab.evaluate((hash) => { location.hash = hash; }, `#/${other}`);
        },
        /** In CSS pixels, so that it is as small as it looks. */
        async picture(name) {
          await tab.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
        },
        async leave() {
          await context.close();
          assert.deepEqual(complaints, []);
        },
      });
    },
    close: () => browser.close(),
  };
}

/** What axe finds that keeps people out. */
export async function hindrances(tab) {
  // The pages' policy lets no foreign script in; a debugger's evaluation is none.
  await tab.evaluate(await readFile(axe, 'utf8'));
  const { violations } = await tab.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, impact, nodes }) => `${impact}: ${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}
