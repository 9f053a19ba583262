// What one may do, in words.

// Of each permission: what it lets one do.
const WORDS = {
  "tag.create": "make global tags",
  "tag.write": "describe, merge and revert global tags",
  "tag.status": "change the status of global tags",
  "tag.delete": "delete global tags",
  "status.create": "declare statuses",
  "list.create": "make payload lists",
  "list.attach": "attach payload lists",
  "list.delete": "delete payload lists",
  "iov.create": "stage payload IOVs",
  "iov.attach": "insert payload IOVs",
  "iov.delete": "delete payload IOVs",
  "type.create": "make payload types",
  "type.delete": "delete payload types",
  "payload.write": "upload payloads",
};

/** Return what permissions let one do, as a phrase. */
export function whatOneMayDo(permissions) {
  if (permissions.includes("admin")) {
    return "everything";
  }
  const writes = permissions.filter((each) => each in WORDS).map((each) => WORDS[each]);
  const isAll = writes.length === Object.keys(WORDS).length;
  return ["read", ...(isAll ? ["write everything"] : writes)].join(", ");
}
