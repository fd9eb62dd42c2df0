import { defineProject } from "vitest/config";

export default defineProject({ test: { name: "plugin-ovs", include: ["{src,test}/**/*.test.ts"] } });
