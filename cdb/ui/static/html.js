// What components are written with: preact, its hooks, and htm for the markup. No other
// module names the vendored files.

import { createContext, h, render } from "./vendor/preact/dist/preact.mjs";
import htm from "./vendor/htm/dist/htm.mjs";

export {
  useContext,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from "./vendor/preact/hooks/dist/hooks.mjs";
export { createContext, render };

/** Return elements for a template; every value in it becomes text or an attribute, never markup. */
export const html = htm.bind(h);
