/** What a running n8n keeps its data in. */
export { ALLOW_INSTANCE, assertInstanceAllowed, ownDatabaseFiles, ownSettings } from './own';
export {
	configSchema,
	instanceFolder,
	parseConfig,
	readSettings,
	type BinaryDataSettings,
	type DatabaseSettings,
	type InstanceConfig,
	type InstanceSettings,
} from './settings';
export type { Surroundings } from './environment';
