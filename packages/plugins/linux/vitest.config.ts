import { defineProject } from "vitest/config";

export default defineProject({ test: { name: "plugin-linux", include: ["{src,test}/**/*.test.ts"] } });
