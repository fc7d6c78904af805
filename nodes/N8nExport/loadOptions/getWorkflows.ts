import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { toNodeError } from '../../shared/errors';
import { eachOffered } from '../offers';

/** The workflows that may be selected, by their names; the id stands below, for names are not unique. */
export async function getWorkflows(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	try {
		const options: INodePropertyOptions[] = [];
		await eachOffered(this, ({ id, name }) => {
			if (typeof id === 'string') options.push({ name: String(name), value: id, description: id });
		});
		return options.sort((a, b) => a.name.localeCompare(b.name, 'en'));
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}
