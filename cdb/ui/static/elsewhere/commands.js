// Questions to the service as commands and programs, to be pasted.

/** Return a text as one word of a shell. */
export function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Return the command that asks a URL; `isSigned` with the token of whoever runs it. */
export function curlOf(url, isSigned = false) {
  const token = isSigned ? ' -H "Authorization: Bearer $CDB_TOKEN"' : "";
  return `curl${token} ${shellWord(url)}`;
}

/** Return a command of the client `cdb`, for the service of this page. */
export function cdbOf(words, base) {
  return ["cdb", ...words, "--url", base].map(shellWord).join(" ");
}

/** Return the program that asks a URL, for a Python with nothing installed. */
export function pythonOf(url, isSigned = false) {
  const asking = isSigned
    ? [
        "import os",
        "from urllib.request import Request, urlopen",
        "",
        `asked = Request(${pythonText(url)})`,
        'asked.add_header("Authorization", "Bearer " + os.environ["CDB_TOKEN"])',
      ]
    : ["from urllib.request import urlopen", "", `asked = ${pythonText(url)}`];
  return [
    "import json",
    ...asking,
    "with urlopen(asked) as answer:",
    "    found = json.load(answer)",
  ].join("\n");
}

/** Return the program that calls the client, such as `global_tags.list()`. */
export function clientOf(call, base) {
  return [
    "from cdb_client import Client",
    "",
    `with Client(${pythonText(base)}) as client:`,
    `    found = ${call}`,
  ].join("\n");
}

/** Return a text as a literal of Python. What JSON escapes, Python reads the same way. */
export function pythonText(text) {
  return JSON.stringify(text);
}
