// Signs that some reader takes for the end of a line, for an order to a terminal, or for a change of direction: C0, DEL, C1, line and paragraph separators,
// bidirectional controls. JSON leaves those above U+007F as they are; a reader that splits at every Unicode line break would see lines that an agent wrote.
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const MAY_STEER = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

export function maySteer(text: string): boolean {
  return MAY_STEER.test(text);
}

/** The same JSON value, in a text without them: there they can only stand in strings. */
export function lineSafe(json: string): string {
  return visible(json);
}

/** As `\u0085`, for whoever reads; what stood there is told elsewhere. */
export function visible(text: string): string {
  return !MAY_STEER.test(text) ? text : text.replaceAll(STEERING, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
