import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { toListError } from '../../shared/errors';
import { matching } from '../../shared/listSearch/matching';
import { n8nApi } from '../connection';
import { projectsOfServer } from '../offers';

/** The projects of the n8n that the credential names. */
export async function searchProjects(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const projects = await projectsOfServer(await n8nApi(this, 0, 'target'));
		return matching(
			Array.from(projects, ([value, name]) => ({ name, value })),
			filter,
		);
	} catch (error) {
		throw toListError(this.getNode(), error);
	}
}
