// Server-sent events, read from a plain request: the browser's own EventSource sends no `Authorization`.

/**
 * Takes a stream apart as it comes. Returns what is to be fed with each piece of text.
 * @param {(told: {id: string, name: string, data: string}) => void} tell also told of comments that move the id, with no name
 */
export function reader(tell) {
  let rest = '';
  let last = '';
  let [id, name, data] = ['', '', /** @type {string[]} */ ([])];
  return (/** @type {string} */ piece) => {
    const lines = (rest + piece).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') {
        const colon = line.indexOf(':');
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (field === 'id') last = id = value;
        if (field === 'event') name = value;
        if (field === 'data') data.push(value);
        continue;
      }
      if (data.length > 0) tell({ id: id || last, name: name || 'message', data: data.join('\n') });
      else if (id) tell({ id, name: '', data: '' });
      [id, name, data] = ['', '', []];
    }
  };
}
