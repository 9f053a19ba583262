// How the points of a picture are written, as far as the names of the two numbers say it; the
// command `cdb timeline` does the same.

import { isOpen, shown, shownCoordinate } from "../../conditions/points.js";
import { multiples } from "./ticks.js";

const SECOND = 1_000_000_000n;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600]
  .concat([43_200, 86_400, 172_800, 604_800, 1_209_600])
  .map(BigInt);
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];
const MONTH = 2_629_746;

const TIME = "time (UTC)";

/**
 * Return the notation of a picture whose types have these dimensions: `caption`, what the axis
 * shows; `write(point, withMinor)`; `times(low, high, step)`, round numbers of one where they are
 * times.
 */
export function notationOf(dimensions) {
  const names = dimensions.length === 1 ? dimensions[0].components : null;
  const [major, minor] = names ?? ["major", "minor"];
  if (major === "time" && minor === "none") {
    return { caption: TIME, write: ofTime(SECOND, "major"), times: times(SECOND) };
  }
  if (minor === "timestamp") {
    return { caption: TIME, write: ofTime(1n, "minor"), times: times(1n), isMinorAlone: true };
  }
  const separator = major === "run" && minor === "lumi" ? ":" : ",";
  const caption = minor === "none" ? major : `${major}${separator}${minor}`;
  return { caption, write: pair(separator) };
}

function pair(separator) {
  return (at, withMinor = true) => {
    if (isOpen(at)) {
      return "∞";
    }
    return at.minor === 0n && !withMinor
      ? shownCoordinate(at.major)
      : `${shownCoordinate(at.major)}${separator}${shownCoordinate(at.minor)}`;
  };
}

function ofTime(perSecond, component) {
  return (at) => {
    const seconds = Number(at[component] / perSecond);
    const moment = new Date(seconds * 1000);
    if (isOpen(at) || Number.isNaN(moment.getTime())) {
      return shown(at);
    }
    const text = moment.toISOString();
    const rest = at[component] % perSecond;
    const clock = rest ? `${text.slice(11, 19)}.${fraction(rest, perSecond)}` : clockOf(text);
    return clock === "00:00" ? text.slice(0, 10) : `${text.slice(0, 10)} ${clock}`;
  };
}

function clockOf(text) {
  return text.slice(17, 19) === "00" ? text.slice(11, 16) : text.slice(11, 19);
}

function fraction(rest, perSecond) {
  return String(rest + perSecond).slice(1).replace(/0+$/, "");
}

// Round times: of so many units, seconds, hours, days, months.
function times(perSecond) {
  return (low, high, wide) => {
    const seconds = wide / Number(perSecond);
    if (seconds < 1) {
      return multiples(low, high, decimal(wide));
    }
    const step = STEPS.find((each) => Number(each) >= seconds);
    return step
      ? multiples(low, high, step * perSecond)
      : months(Number(low / perSecond), Number(high / perSecond), seconds / MONTH).map(
          (each) => BigInt(each) * perSecond,
        );
  };
}

function decimal(wide) {
  return 10n ** BigInt(Math.max(Math.ceil(Math.log10(Math.max(wide, 1))), 0));
}

function months(low, high, wide) {
  const step = MONTHS.find((each) => each >= wide) ?? MONTHS.at(-1);
  const first = new Date(low * 1000);
  const found = [];
  let month = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / step) * step;
  for (;;) {
    const seconds = Date.UTC(Math.floor(month / 12), month % 12) / 1000;
    if (!(seconds <= high) || found.length > 100) {
      return found;
    }
    found.push(seconds);
    month += step;
  }
}
