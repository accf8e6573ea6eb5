// Not a module, so that it runs before the first paint: a page that is told to be dark never flashes white.
(() => {
  const PLACE = 'annuli.theme';
  const root = document.documentElement;
  const wear = (theme) => {
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  let kept = null;
  try { kept = localStorage.getItem(PLACE); } catch { /* Where nothing may be kept, the system's choice holds. */ }
  wear(kept);
  globalThis.annuliTheme = {
    /** `light`, `dark`, or `system`. */
    get chosen() { return root.dataset.theme ?? 'system'; },
    choose(theme) {
      wear(theme);
      try { localStorage.setItem(PLACE, theme); } catch { /* It holds until the page is left. */ }
    },
  };
})();
