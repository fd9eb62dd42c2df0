/** The frame of the page: who is here, the views, light or dark. */
import { useEffect, useState } from "preact/hooks";
import { api, token } from "./api/client.js";
import type { Session } from "./api/types.js";
import { Ask } from "./ask/ask.js";
import { asError, Busy, Fault } from "./parts/loading.js";
import { Replay } from "./replay/replay.js";
import { useRoute } from "./route.js";
import { Snapshots } from "./snapshots/snapshots.js";

const VIEWS = [
  ["ask", "Ask"],
  ["replay", "Replay"],
  ["snapshots", "Snapshots"],
] as const;

export function App() {
  const route = useRoute();
  const [session, set] = useState<Session | null>(null);
  const [error, setError] = useState<ReturnType<typeof asError> | null>(null);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    setError(null);
    api.get<Session>("/v1/session").then(set, (e) => {
      set(null);
      setError(asError(e));
    });
  }, [again]);
  useEffect(() => {
    document.title = `${VIEWS.find(([view]) => view === route.view)?.[1] ?? "Plumbline"} · Plumbline`;
  }, [route.view]);
  const mayRun = session?.scopes.includes("run") ?? false;
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        To the content
      </button>
      <header class="top">
        <span class="brand">
          <img src="/icon.svg" alt="" width={22} height={22} /> Plumbline
        </span>
        <nav aria-label="Views">
          {VIEWS.map(([view, name]) => (
            <a key={view} href={`#/${view}`} aria-current={route.view === view ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <span class="right">
          {session && (
            <small>
              {session.project}
              {session.demo && " (demo)"}
            </small>
          )}
          <Theme />
          {session && token.get() && (
            <button
              type="button"
              class="quiet"
              onClick={() => {
                token.clear();
                setAgain(again + 1);
              }}
            >
              Sign out
            </button>
          )}
        </span>
      </header>
      <main id="main" tabIndex={-1}>
        {error && error.status !== 401 && <Fault error={error} />}
        {error?.status === 401 && <SignIn onToken={() => setAgain(again + 1)} />}
        {!session && !error && <Busy what="Opening…" />}
        {session && route.view === "ask" && <Ask params={route.params} />}
        {session && route.view === "replay" && <Replay params={route.params} />}
        {session && route.view === "snapshots" && <Snapshots params={route.params} mayRun={mayRun} />}
        {session && !VIEWS.some(([view]) => view === route.view) && (
          <p class="card">
            There is no view of that name. <a href="#/ask">Ask</a> something.
          </p>
        )}
      </main>
    </>
  );
}

function SignIn({ onToken }: { onToken(): void }) {
  const [text, set] = useState("");
  return (
    <form
      class="card sign-in"
      onSubmit={(e) => {
        e.preventDefault();
        token.set(text.trim());
        onToken();
      }}
    >
      <h1>Sign in</h1>
      <p>
        {token.get() ? "That token is not valid (any more)." : "This service asks for an API token."} An administrator makes one with POST
        /v1/tokens.
      </p>
      <div class="field">
        <label for="token">API token</label>
        <input id="token" type="password" autocomplete="off" value={text} onInput={(e) => set(e.currentTarget.value)} />
      </div>
      <button type="submit" class="primary" disabled={!text.trim()}>
        Sign in
      </button>
    </form>
  );
}

const THEMES = ["auto", "light", "dark"] as const;
const KEY = "plumbline.theme";

function Theme() {
  const [theme, set] = useState<string>(() => localStorage.getItem(KEY) ?? "auto");
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(KEY, theme);
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme as "auto") + 1) % THEMES.length];
  return (
    <button type="button" class="quiet" onClick={() => set(next)} aria-label={`Colours: ${theme}. Change to ${next}.`}>
      {{ auto: "◐", light: "☀", dark: "☾" }[theme as "auto"] ?? "◐"}
    </button>
  );
}
