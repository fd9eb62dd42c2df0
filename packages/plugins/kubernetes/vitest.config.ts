import { defineProject } from "vitest/config";

export default defineProject({ test: { name: "plugin-kubernetes", include: ["{src,test}/**/*.test.ts"] } });
