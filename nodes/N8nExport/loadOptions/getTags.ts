import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { tagsOf } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import { eachOffered } from '../offers';

/** The tags of the workflows that may be selected. */
export async function getTags(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	try {
		const tags = new Set<string>();
		await eachOffered(this, (workflow) => tagsOf(workflow).forEach((tag) => tags.add(tag)));
		return [...tags].sort().map((name) => ({ name, value: name }));
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}
