/**
 * Kubernetes Secrets within JSON: where the values of their `data` and `stringData` stand. An object says what it is after its data as
 * often as before, so a small scanner keeps the places until the object has ended.
 */

/** From and to, without the quotes. */
export type Span = readonly [from: number, to: number];

interface Frame {
  /** Key whose value comes, "" in a list. */
  key: string;
  isList: boolean;
  secret: boolean;
  /** Values of this object's data, kept until its kind is known. */
  readonly data: Span[];
  /** Whether this object is the data of the one around it. */
  readonly isData: boolean;
  expectsKey: boolean;
}

const TOKEN = /"((?:[^"\\]|\\.)*)"|[{}[\],:]/g;

/** In order. Text that is no JSON gives what can be told of it. */
export function secretData(text: string): Span[] {
  const found: Span[] = [];
  const stack: Frame[] = [];
  let listIsSecret = false;
  TOKEN.lastIndex = 0;
  for (let m = TOKEN.exec(text); m; m = TOKEN.exec(text)) {
    const top = stack.at(-1);
    switch (m[0]) {
      case "{":
      case "[":
        stack.push({
          key: "",
          isList: m[0] === "[",
          secret: false,
          data: [],
          isData: (top?.isData ?? false) || (top !== undefined && !top.isList && (top.key === "data" || top.key === "stringData")),
          expectsKey: m[0] === "{",
        });
        break;
      case "}":
      case "]": {
        const done = stack.pop();
        if (!done) break;
        const around = stack.at(-1);
        // What it holds is its own, or, where it is data, of the object around it.
        if (done.isData && around) around.data.push(...done.data);
        else if (done.secret || listIsSecret) found.push(...done.data);
        break;
      }
      case ",":
        if (top && !top.isList) top.expectsKey = true;
        break;
      case ":":
        if (top) top.expectsKey = false;
        break;
      default: {
        if (!top) break;
        if (top.expectsKey && !top.isList) {
          top.key = m[1];
          break;
        }
        const span: Span = [m.index + 1, m.index + 1 + m[1].length];
        if (!top.isList && top.key === "kind" && m[1] === "Secret") top.secret = true;
        if (!top.isList && top.key === "kind" && m[1] === "SecretList") listIsSecret = true;
        if (top.isData) top.data.push(span);
      }
    }
  }
  return found.sort((a, b) => a[0] - b[0]);
}
