/**
 * `openRoutes(files, selectors)`: route look-ups as `ip route get` makes them.
 *
 * const layer = openRoutes({ routes: [{ file: "ip_route", text }], rules: [{ file: "ip_rule", text: rules }] });
 * A question is a line as `ip route get` takes it: `DST [from A] [iif IF] [oif IF|vrf VRF] [mark N] [uid N] [tos N]
 * [ipproto P] [sport N] [dport N]`; what it leaves out is taken from `selectors`.
 */
export * from "./model.js";
export { openRoutes } from "./open.js";
