import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { projectNamesOf } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import { n8nApi } from '../connection';
import { eachOffered, projectsOfServer } from '../offers';

/** The projects of the n8n for an export; otherwise those that workflows of the backup are in. */
export async function getProjects(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	try {
		const projects = new Map<string, string>();
		if (this.getCurrentNodeParameter('operation') === 'exportWorkflows') {
			for (const [id, name] of await projectsOfServer(await n8nApi(this, 0, 'source'))) projects.set(id, name);
		} else {
			await eachOffered(this, (workflow) => {
				for (const [id, name] of projectNamesOf(workflow)) projects.set(id, name);
			});
		}
		return Array.from(projects, ([value, name]) => ({ name, value, description: value }));
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}
