import { defineProject } from "vitest/config";

export default defineProject({ test: { name: "core-wasm", include: ["{src,test}/**/*.test.ts"] } });
