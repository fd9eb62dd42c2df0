/** Starts the page. */
import { render } from "preact";
import { tokenFromAddress } from "./api/client.js";
import { App } from "./app.js";
import "./style/index.css";

tokenFromAddress();
render(<App />, document.getElementById("page")!);
