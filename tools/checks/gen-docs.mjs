/** Writes docs/fields.md from the field registry; part of the build, never committed. */
import { writeFileSync } from "node:fs";
import { fieldsDocument } from "../../packages/model/dist/index.js";

writeFileSync(new URL("../../docs/fields.md", import.meta.url), fieldsDocument());
