// What keys do to a picture.

const PAN = 0.1;
const STEP = 0.02;
const ZOOM = 1.5;

/**
 * Return what a key does, or nothing: a function of the view, and of what the picture is told
 * besides: `at(place)`, the cursor; `lane(step)`, the chosen lane; `home()`.
 */
export function actionOf({ key, shiftKey, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey) {
    return null;
  }
  if (shiftKey && key in CURSOR) {
    return CURSOR[key];
  }
  return ACTIONS[key] ?? null;
}

const CURSOR = {
  ArrowLeft: (_, told) => told.cursor(-STEP),
  ArrowRight: (_, told) => told.cursor(STEP),
};

const ACTIONS = {
  "+": (view) => view.zoom(1 / ZOOM, 0.5),
  "=": (view) => view.zoom(1 / ZOOM, 0.5),
  "-": (view) => view.zoom(ZOOM, 0.5),
  ArrowLeft: (view) => view.pan(-PAN),
  ArrowRight: (view) => view.pan(PAN),
  PageUp: (view) => view.pan(-1),
  PageDown: (view) => view.pan(1),
  ArrowUp: (_, told) => told.lane(-1),
  ArrowDown: (_, told) => told.lane(1),
  Home: (_, told) => told.home(),
  Enter: (_, told) => told.cursor(0),
};
