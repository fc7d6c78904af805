/**
 * What the API takes of a workflow. It refuses every member that it does not know (seen on 2.41.3, in the schemas of
 * @n8n/api-types: `workflowWritePublicShape`), also those that it gives itself: ids, times, versions, tags.
 */
import { isNothing } from '../compare/values';
import { isObject, type JsonObject, type Workflow } from '../workflow';
import { withOwnIds, withoutStrays } from './structure';

const NODE_MEMBERS = new Set([
	'id',
	'name',
	'webhookId',
	'disabled',
	'notesInFlow',
	'notes',
	'type',
	'typeVersion',
	'executeOnce',
	'alwaysOutputData',
	'retryOnFail',
	'maxTries',
	'waitBetweenTries',
	'continueOnFail',
	'onError',
	'position',
	'parameters',
	'credentials',
	'customTelemetryTags',
]);

const SETTINGS = new Set([
	'saveExecutionProgress',
	'saveManualExecutions',
	'saveDataErrorExecution',
	'saveDataSuccessExecution',
	'executionTimeout',
	'errorWorkflow',
	'timezone',
	'executionOrder',
	'callerPolicy',
	'callerIds',
	'timeSavedMode',
	'timeSavedPerExecution',
	'redactionPolicy',
	'availableInMCP',
	'customTelemetryTags',
]);

/** Of a node, what the API sets by itself. */
const NODE_TIMES = new Set(['createdAt', 'updatedAt']);
/** Values that say `as n8n is set`, and that the API knows by their absence alone. */
const DEFAULT = 'DEFAULT';

export interface ImportBody {
	body: Record<string, unknown> & { nodes: JsonObject[] };
	/** What the API does not take: `settings.binaryMode`, `nodes.extendsCredential`, `connections` of nodes that are gone. */
	dropped: string[];
}

/** @param isNew Whether what its triggers remember goes along: of one that is there already, that stays as it is. */
export function importBody(workflow: Workflow, isNew: boolean): ImportBody {
	const dropped = new Set<string>();
	const { name, connections, pinData, nodeGroups, staticData } = workflow;
	const nodes = withOwnIds(workflow.nodes, dropped).map((node) => nodeBody(node, dropped));
	const body = {
		...{ name, nodes },
		...{ connections: withoutStrays(connections, nodes, dropped) },
		...{ settings: settingsBody(workflow['settings'], dropped) },
		...(!isNothing(pinData) && { pinData }),
		...(Array.isArray(nodeGroups) && nodeGroups.length > 0 && { nodeGroups: nodeGroups as unknown[] }),
		...(isNew && !isNothing(staticData) && { staticData }),
	};
	return { body, dropped: [...dropped] };
}

function nodeBody(node: JsonObject, dropped: Set<string>): JsonObject {
	const members = Object.entries(node).filter(([name, value]) => {
		if (value === null || value === undefined || NODE_TIMES.has(name)) return false;
		if (NODE_MEMBERS.has(name)) return true;
		dropped.add(`nodes.${name}`);
		return false;
	});
	return Object.fromEntries(members);
}

function settingsBody(settings: unknown, dropped: Set<string>): JsonObject {
	if (!isObject(settings)) return {};
	const members = Object.entries(settings).filter(([name, value]) => {
		if (value === null || value === undefined || value === DEFAULT) return false;
		if (SETTINGS.has(name)) return true;
		dropped.add(`settings.${name}`);
		return false;
	});
	return Object.fromEntries(members);
}
