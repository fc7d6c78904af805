/** What the fields of descriptions/selection.ts offer: of the n8n for an export, of the chosen backup where one is read. */
import type { ILoadOptionsFunctions } from 'n8n-workflow';

import { archiveSide, BackupError, chosenBy, isUnlicensed, type JsonObject, type N8nApi } from '../../engine';
import { heldBackupInEditor } from '../shared/tree/editorBackup';

import { OFFERED } from './backupContent';
import { n8nApi } from './connection';

/** Milliseconds that a user may have to wait for a list. */
const PATIENCE = 30_000;

/**
 * Calls `visit` for each workflow that may be selected.
 * @throws BackupError INVALID_INPUT where no backup is chosen, or it takes too long; as the API and reading a backup do
 */
export async function eachOffered(
	context: ILoadOptionsFunctions,
	visit: (workflow: JsonObject) => void,
): Promise<void> {
	const signal = AbortSignal.timeout(PATIENCE);
	try {
		if (context.getCurrentNodeParameter('operation') === 'exportWorkflows') {
			for await (const workflow of (await n8nApi(context, 0, 'source')).workflows(undefined, signal)) visit(workflow);
		} else {
			await archiveSide(await heldBackupInEditor(context, OFFERED), chosenBy({})).each(visit, signal);
		}
	} catch (error) {
		throw signal.aborted ? tookTooLong() : error;
	}
}

/** Names of projects by their ids, as the API tells them; where the licence has no projects, those that workflows are in. */
export async function projectsOfServer(api: N8nApi): Promise<Map<string, string>> {
	const signal = AbortSignal.timeout(PATIENCE);
	const projects = new Map<string, string>();
	try {
		for await (const { id, name } of api.projects(signal)) projects.set(id, name);
	} catch (error) {
		if (!isUnlicensed(error)) throw signal.aborted ? tookTooLong() : error;
		for await (const { shared = [] } of api.workflows(undefined, signal)) {
			for (const { projectId } of shared) if (projectId !== undefined) projects.set(projectId, projectId);
		}
	}
	return projects;
}

function tookTooLong(): BackupError {
	return new BackupError('INVALID_INPUT', 'Reading the list took too long.', {
		hint: 'Give IDs or names by an expression.',
	});
}
