// What is typed, as what is asked. What is wrong is said in words that tell how to mend it.

/** A vector as numbers, however they are set apart, or as base64 of little-endian f32. @param {string} typed @param {number} dim */
export function vectorOf(typed, dim) {
  const text = typed.trim();
  if (text === '') return { why: `${dim} numbers are wanted` };
  const words = text.replace(/^\[|\]$/g, '').split(/[\s,;]+/).filter(Boolean);
  const numbers = words.map(Number);
  if (words.length === 1 && Number.isNaN(numbers[0])) {
    const bytes = /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Math.floor((text.replace(/=+$/, '').length * 3) / 4) : -1;
    if (bytes === dim * 4) return { vector: text };
    return { why: bytes < 0 ? 'this is neither numbers nor base64' : `as base64 of f32 this is ${bytes / 4} numbers, the index has ${dim}` };
  }
  const wrong = numbers.findIndex((number) => !Number.isFinite(number));
  if (wrong >= 0) return { why: `number ${wrong + 1}, “${words[wrong].slice(0, 20)}”, is none` };
  if (numbers.length !== dim) return { why: `${numbers.length} of ${dim} numbers` };
  return { vector: numbers };
}

/** A filter, if there is one. @param {string} typed */
export function filterOf(typed) {
  if (typed.trim() === '') return {};
  try {
    const filter = JSON.parse(typed);
    if (filter === null || typeof filter !== 'object' || Array.isArray(filter)) return { why: 'a filter is an object, as in {"section": "web"}' };
    return { filter };
  } catch (error) {
    return { why: `this is no JSON yet: ${/** @type {Error} */ (error).message}` };
  }
}
