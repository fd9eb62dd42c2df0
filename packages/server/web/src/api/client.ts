/** Requests to the server. The token stays in this tab (sessionStorage) and goes along in the Authorization header only. */

const KEY = "plumbline.token";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

export const token = {
  get: (): string => sessionStorage.getItem(KEY) ?? "",
  set: (value: string): void => sessionStorage.setItem(KEY, value),
  clear: (): void => sessionStorage.removeItem(KEY),
};

/** Takes a token that the address brought (`#token=…`), and takes it out of the address and the history. */
export function tokenFromAddress(): void {
  const found = /^#token=([\w.-]+)$/.exec(location.hash);
  if (!found) return;
  token.set(found[1]);
  history.replaceState(null, "", `${location.pathname}#/ask`);
}

const headers = (): Record<string, string> => (token.get() ? { authorization: `Bearer ${token.get()}` } : {});

async function failure(response: Response): Promise<ApiError> {
  let error: { code?: string; message?: string; hint?: string } = {};
  try {
    error = ((await response.json()) as { error?: typeof error }).error ?? {};
  } catch {
    // No JSON: the status line has to do.
  }
  return new ApiError(response.status, error.code ?? "", error.message ?? `The server answered ${response.status}.`, error.hint ?? "");
}

async function request(method: string, path: string, body?: BodyInit, type?: string, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { method, body, signal, headers: { ...headers(), ...(type ? { "content-type": type } : {}) } });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new ApiError(0, "OFFLINE", "The server does not answer.", "Is plumbline serve still running?");
  }
  if (!response.ok) throw await failure(response);
  return response;
}

/** @throws ApiError for every answer that is not 2xx, and where none came */
export const api = {
  get: async <T>(path: string, signal?: AbortSignal): Promise<T> =>
    (await request("GET", path, undefined, undefined, signal)).json() as Promise<T>,
  post: async <T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> =>
    (await request("POST", path, JSON.stringify(body), "application/json", signal)).json() as Promise<T>,
  remove: async (path: string): Promise<void> => void (await request("DELETE", path)),
  download: async (path: string): Promise<Blob> => (await request("GET", path)).blob(),
};

/** Sends a file; `progress` is told the part that is sent, 0 to 1. (fetch cannot tell how far an upload is.) */
export function upload<T>(path: string, file: File, progress: (part: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", path);
    for (const [name, value] of Object.entries(headers())) xhr.setRequestHeader(name, value);
    xhr.setRequestHeader("content-type", "application/octet-stream");
    xhr.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
    xhr.onerror = () =>
      reject(new ApiError(0, "OFFLINE", "The connection broke while sending.", "Send it again; what has arrived is not kept."));
    xhr.onload = async () => {
      const response = new Response(xhr.responseText, { status: xhr.status });
      if (response.ok) resolve((await response.json()) as T);
      else reject(await failure(response));
    };
    xhr.send(file);
  });
}

/** Follows a stream of server-sent events until it ends. (EventSource cannot send the token.) */
export async function follow(path: string, signal: AbortSignal, on: (event: string, data: unknown) => void): Promise<void> {
  const response = await request("GET", path, undefined, undefined, signal);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const messages = (rest + value).split(/\r?\n\r?\n/);
    rest = messages.pop()!;
    for (const message of messages) {
      const event = /^event: ?(.*)$/m.exec(message)?.[1] ?? "message";
      const data = [...message.matchAll(/^data: ?(.*)$/gm)].map((m) => m[1]).join("\n");
      if (data) on(event, JSON.parse(data));
    }
  }
}
