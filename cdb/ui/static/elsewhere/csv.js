// Rows as CSV (RFC 4180), with every integer as it is.

/** Return the URL of a file with the rows of a table; it lasts as long as the page does. */
export function csvUrl(columns, rows) {
  return URL.createObjectURL(new Blob([csv(columns, rows)], { type: "text/csv;charset=utf-8" }));
}

/** Return rows as text: a line of titles, and a line for each row. */
function csv(columns, rows) {
  const lines = [
    columns.map((each) => each.title),
    ...rows.map((row) => columns.map((each) => valueOf(each, row))),
  ];
  return lines.map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
}

function valueOf(column, row) {
  return (column.value ?? column.cell)(row) ?? "";
}

function quoted(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
