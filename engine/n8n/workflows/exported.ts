/**
 * The form of a workflow in `n8n export:workflow --all`, as 2.41.3 writes it: the columns of the database with its tags, who
 * owns it and what its version is called. The API gives the same under the same names, in another order and with what is
 * published beside it. What a newer n8n gives besides them goes along.
 */
import type { N8nApi, WholeWorkflow } from '../api';
import { isObject, type JsonObject } from './workflow';

/** The members in the order in which n8n writes them. */
const MEMBERS = [
	'updatedAt',
	'createdAt',
	'id',
	'name',
	'description',
	'active',
	'isArchived',
	'nodes',
	'connections',
	'settings',
	'staticData',
	'meta',
	'nodeGroups',
	'pinData',
	'versionId',
	'activeVersionId',
	'versionCounter',
	'triggerCount',
	'sourceWorkflowId',
	'tags',
	'shared',
];

/**
 * What is published, where that is not the draft: n8n's own export leaves it out, and its import leaves this member alone (both
 * seen on 2.41.3).
 */
export const PUBLISHED = 'publishedVersion';

/** A workflow from the API as n8n's own export has it. */
export async function exportedForm(
	api: N8nApi,
	workflow: WholeWorkflow,
	signal: AbortSignal | undefined,
): Promise<JsonObject> {
	const { activeVersion } = workflow;
	const published = isObject(activeVersion) ? activeVersion : undefined;
	const { id, versionId } = workflow as JsonObject & { id: string };
	const isDraft = published !== undefined && published['versionId'] !== versionId;
	const { activeVersion: _told, ...others } = workflow;
	const names = [...MEMBERS, ...Object.keys(others).filter((name) => !MEMBERS.includes(name))];
	const members = names.filter((name) => workflow[name] !== undefined).map((name) => [name, workflow[name]]);
	const version =
		published && !isDraft
			? published
			: typeof versionId === 'string'
				? await api.version(id, versionId, signal)
				: undefined;
	return {
		...(Object.fromEntries(members) as JsonObject),
		versionMetadata: version ? { name: version['name'] ?? null, description: version['description'] ?? null } : null,
		...(isDraft && { [PUBLISHED]: published }),
	};
}
