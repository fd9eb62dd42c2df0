/** The service's client, without the service. */
export {
  connect,
  type RemoteReplay,
  type RemoteSnapshot,
  type ServiceClient,
  ServiceError,
  type TraceItem,
  type TraceQuestion,
} from "./client.js";
export { packFolder } from "./folder.js";
