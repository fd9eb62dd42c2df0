import { defineProject } from "vitest/config";

export default defineProject({ test: { name: "plugin-ovn", include: ["{src,test}/**/*.test.ts"] } });
