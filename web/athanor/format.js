// Numbers and states as text.

import { t } from "./words.js";

/** Seconds as h:mm:ss or m:ss; nothing if they are not known. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Seconds per step as s/it or it/s, whichever is above 1. */
export function speed(seconds) {
  if (!seconds) return "";
  return seconds >= 1 ? `${seconds.toFixed(2)} s/it` : `${(1 / seconds).toFixed(2)} it/s`;
}

/** A number with four digits, or in exponential form where it is very large or small. */
export function number(value) {
  if (value == null || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const isPlain = Math.abs(value) >= 0.001 && Math.abs(value) < 1e5;
  return isPlain ? String(Number(value.toPrecision(4))) : value.toExponential(2);
}

/** The value of a setting as a widget shows it; what has none is a dash. */
export function settingText(value) {
  if (value == null) return "–";
  if (typeof value === "boolean") return value ? t("on") : t("off");
  if (value === "") return t("(empty)");
  if (typeof value !== "number") return String(value);
  const isSmall = value !== 0 && Math.abs(value) < 0.001;
  return isSmall ? value.toExponential().replace("e-0", "e-") : String(Number(value.toPrecision(10)));
}

/** A time in seconds since 1970 as date and time of the user's locale. */
export function when(time) {
  return time ? new Date(time * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" }) : "";
}

/** The same in few letters: the time of today, the day of this year, else the date. */
export function briefWhen(time, now = Date.now()) {
  if (!time) return "";
  const [date, today] = [new Date(time * 1000), new Date(now)];
  if (date.toDateString() === today.toDateString()) return date.toLocaleTimeString([], { timeStyle: "short" });
  const isThisYear = date.getFullYear() === today.getFullYear();
  return date.toLocaleDateString([], isThisYear ? { day: "numeric", month: "short" } : { dateStyle: "short" });
}

/** Bytes as KB, MB or GB (powers of 1024) with three digits, as byte_size.py; nothing if they are not known. */
export function formatBytes(bytes) {
  if (bytes == null) return "";
  const [unit, divisor] = bytes >= 2 ** 30 ? ["GB", 2 ** 30] : bytes >= 2 ** 20 ? ["MB", 2 ** 20] : ["KB", 2 ** 10];
  const value = bytes / divisor;
  return `${value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)} ${unit}`;
}

/** The state of a run that has ended, with what its verdict has to say beside that. */
function marked(state, { harmed, warnings }) {
  if (harmed) {
    const means = t("the probe ended above its start, or was far above it: the LoRA may be worse than none");
    return { sign: "✗", word: t("{state}, got worse", { state: state.word }), kind: "harmed", means };
  }
  if (!warnings) return state;
  return { ...state, sign: "!", word: t("{state}, hints: {count}", { state: state.word, count: warnings }) };
}

/** The state of a run as a sign, a word, a kind for the style sheet, and what the word means if that is not plain. */
export function stateOf(summary) {
  if (!summary || (summary.live && summary.status === "preparing")) {
    return { sign: "…", word: t("preparing"), kind: "live" };
  }
  if (summary.live) return { sign: "▶", word: t("running"), kind: "live" };
  if (summary.elsewhere) return { sign: "▶", word: t("running in another process"), kind: "elsewhere" };
  const kind = summary.status;
  if (kind === "done") return marked({ sign: "✓", word: t("finished"), kind }, summary);
  if (kind === "stopped") return marked({ sign: "■", word: t("stopped"), kind }, summary);
  if (kind === "interrupted") return { sign: "■", word: t("interrupted"), kind };
  if (kind === "failed") return { sign: "✗", word: t("failed"), kind };
  const means = t(
    "ended before it could save (kill -9, out of memory); queued again, it goes on from its last saved state",
  );
  return { sign: "✗", word: t("killed"), kind, means };
}
