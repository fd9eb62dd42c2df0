export { inspect } from "./inspect.js";
export type {
  Cell,
  HostRole,
  InspectedDevice,
  InspectedHost,
  InspectedLink,
  InspectedSetAside,
  InspectedSource,
  Inspection,
  Missing,
} from "./model.js";
