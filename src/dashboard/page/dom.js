// Elements without markup in texts: whatever engines say is text.

/** An element: its class, its children or its text. */
export function make(tag, className = '', ...children) {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** The element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** A row of a table; a cell that begins with a number of digits, or is marked, stands to the right. */
export function row(cells, tag = 'td') {
  return make(
    'tr',
    '',
    ...cells.map((cell) => (cell instanceof Node ? asCell(cell, tag) : make(tag, '', String(cell)))),
  );
}

function asCell(cell, tag) {
  return cell.tagName === 'TD' || cell.tagName === 'TH' ? cell : make(tag, '', cell);
}

/** A cell with a number. */
export function number(text, tag = 'td') {
  return make(tag, 'n', String(text));
}

/** A small bar and a text, for a part of 1. */
export function bar(part, text, isHot = part > 0.9) {
  if (part === undefined || part === null) return make('td', 'soft', '–');
  const inner = make('i');
  inner.style.width = `${Math.min(100, Math.round(part * 100))}%`;
  return make('td', '', make('span', isHot ? 'bar hot' : 'bar', inner), text);
}

/** Asks in a dialog; true for yes. */
export function confirmed(question) {
  const dialog = byId('confirm');
  byId('question').textContent = question;
  return new Promise((resolve) => {
    const end = (answer) => () => {
      dialog.close();
      resolve(answer);
    };
    byId('yes').onclick = end(true);
    byId('no').onclick = end(false);
    dialog.oncancel = end(false);
    dialog.showModal();
  });
}
