// What one may do with a payload type.

import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { about, whoami } from "../service/questions.js";
import { useSession } from "../service/session.js";
import { CREATE_LIST } from "./create-list.js";
import { ActionMenu } from "./menu.js";
import { UPLOAD } from "./upload.js";

/** Return the menu for a payload type that is there. */
export function TypeActions({ type }) {
  const { token } = useSession();
  const found = useLoaded((signal) => Promise.all([whoami(signal), about(signal)]), [token]);
  const [who, service] = found.data ?? [];
  const permissions = new Set(who?.permissions);
  const state = who && { permissions, hasStore: service.payload_store };
  return html`<${ActionMenu}
    entries=${[UPLOAD, CREATE_LIST]}
    state=${state}
    isWaiting=${found.isWaiting}
    of=${{ type, permissions }}
  />`;
}
