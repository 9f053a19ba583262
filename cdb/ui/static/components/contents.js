// What a global tag holds, and what of it is valid at a point: one row for each payload list.

import { count, link } from "./columns.js";
import { factColumns, payloadColumn, spanColumns } from "./intervals.js";
import { href } from "../url.js";

/** Return a row for each list, with the payload that is valid in it, or null for a gap. */
export function joined(lists, valid) {
  const byType = new Map(valid.map((each) => [each.payload_type_name, each]));
  return lists.map((list) => ({ list, iov: byType.get(list.payload_type) ?? null }));
}

/** Return the columns of such rows. */
export function contentColumns(isAtPoint) {
  return [
    link(
      "payload type",
      ({ list }) => list.payload_type,
      ({ list }) => href(["types", list.payload_type]),
    ),
    ...(isAtPoint ? [payloadColumn(ofRow), ...spanColumns(ofRow), ...factColumns(ofRow)] : []),
    link(
      "payload list",
      ({ list }) => list.name,
      ({ list }) => href(["lists", list.name]),
    ),
    count("payload IOVs", ({ list }) => list.iov_count),
  ];
}

const ofRow = ({ iov }) => iov;
