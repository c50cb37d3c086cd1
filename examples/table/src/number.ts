// Decimal numbers in fields.

import { isDigit } from "./bytes";

const DIGITS_MAX: i32 = 18; // as many as a u64 always holds
const EXPONENT_MAX: i32 = 9999;
const POWER_MAX: i32 = 22; // the largest power of ten a f64 holds exactly

const powers: StaticArray<f64> = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
];

/**
 * Read the whole of bytes[start..end) as a number; NaN when it is none.
 *
 * A number has an optional sign, digits, and optionally a fraction and an exponent. Digits
 * that begin with a needless zero ("007", a postcode) are text.
 */
export function parseNumber(bytes: StaticArray<u8>, start: i32, end: i32): f64 {
  let at = start;
  const negative = at < end && bytes[at] == 0x2d;
  if (at < end && (negative || bytes[at] == 0x2b)) at++;

  const first = at;
  let mantissa: u64 = 0;
  let scale = 0;
  let digits = 0;
  for (; at < end && isDigit(bytes[at]); at++) {
    if (digits < DIGITS_MAX) mantissa = mantissa * 10 + (bytes[at] - 0x30);
    else scale++;
    if (mantissa != 0) digits++;
  }
  const whole = at - first;
  if (whole > 1 && bytes[first] == 0x30) return NaN;

  let fraction = 0;
  if (at < end && bytes[at] == 0x2e) {
    for (at++; at < end && isDigit(bytes[at]); at++) {
      fraction++;
      if (digits >= DIGITS_MAX) continue;
      mantissa = mantissa * 10 + (bytes[at] - 0x30);
      scale--;
      if (mantissa != 0) digits++;
    }
  }
  if (whole + fraction == 0) return NaN;

  if (at < end && (bytes[at] | 0x20) == 0x65) {
    at++;
    const below = at < end && bytes[at] == 0x2d;
    if (at < end && (below || bytes[at] == 0x2b)) at++;
    if (at == end) return NaN;
    let exponent = 0;
    for (; at < end && isDigit(bytes[at]); at++)
      exponent = min(exponent * 10 + (bytes[at] - 0x30), EXPONENT_MAX);
    scale += below ? -exponent : exponent;
  }
  if (at < end) return NaN;
  const value = scaleByTen(mantissa, scale);
  return isFinite(value) ? (negative ? -value : value) : NaN;
}

/** mantissa * 10^exponent, as near as a f64 comes for exponents of up to 22; beyond, a bit off. */
function scaleByTen(mantissa: u64, exponent: i32): f64 {
  const value = <f64>mantissa;
  if (mantissa == 0 || exponent == 0) return value;
  const rest = <f64>(<i64>(mantissa - <u64>value)); // what the conversion has rounded away
  const step = min(max(exponent, -POWER_MAX), POWER_MAX);
  const power = powers[abs(step)];
  let scaled = step > 0 ? value * power : value / power;
  if (step > 0) {
    scaled += productError(value, power, scaled) + rest * power;
  } else {
    const back = scaled * power;
    scaled += (value - back - productError(scaled, power, back) + rest) / power;
  }
  exponent -= step;
  for (; exponent > 0 && isFinite(scaled); exponent -= POWER_MAX) {
    scaled *= powers[min(exponent, POWER_MAX)];
  }
  for (; exponent < 0 && scaled != 0; exponent += POWER_MAX) {
    scaled /= powers[min(-exponent, POWER_MAX)];
  }
  return scaled;
}

/** What rounding took from `product` = left * right, exactly (Dekker). */
function productError(left: f64, right: f64, product: f64): f64 {
  const leftHigh = highHalf(left);
  const rightHigh = highHalf(right);
  const leftLow = left - leftHigh;
  const rightLow = right - rightHigh;
  return (
    leftHigh * rightHigh - product + leftHigh * rightLow + leftLow * rightHigh + leftLow * rightLow
  );
}

function highHalf(value: f64): f64 {
  const shifted = value * 134217729; // 2^27 + 1
  return shifted - (shifted - value);
}
