// Which values an axis names.

const exact = (value) => Number(value.toPrecision(12)); // 0.3 for 0.1 + 0.2

/** Round values between two, evenly spaced: at most so many. */
function linearTicks(low, high, most) {
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((digit) => digit * power >= rough * (1 - 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => exact((first + i) * step));
}

/**
 * Round values between two for a logarithmic axis, at most so many: all digits, 1, 2 and 5, or powers of ten, whichever
 * fit; evenly spaced ones where the range is so narrow that it has none of these.
 */
export function logTicks(low, high, most) {
  if (!(low > 0 && high > low)) return [];
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const powers = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const isInside = (value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
  const all = (digits) => powers.flatMap((power) => digits.map((digit) => exact(digit * 10 ** power))).filter(isInside);
  const sets = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1]].map(all);
  const fitting = sets.find((ticks) => ticks.length <= most);
  if (fitting) return fitting.length < 2 ? linearTicks(low, high, most) : fitting;
  const every = Math.ceil(sets[2].length / Math.max(1, most));
  return sets[2].filter((_, i) => i % every === 0);
}
