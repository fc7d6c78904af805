import { createHash } from 'node:crypto';

import { isActive, isArchived, isObject, tagsOf, type Workflow } from '../workflow';
import { isNothing } from './values';

/** A digest of all that a comparison looks at. Workflows with one digest are the same; with two, they may be. */
export function digestOf(workflow: Workflow): string {
	const { name, nodes, connections } = workflow;
	const facts = {
		...{ name, nodes, connections },
		active: isActive(workflow),
		archived: isArchived(workflow),
		tags: tagsOf(workflow).sort(),
		description: workflow['description'],
		settings: workflow['settings'],
		pinData: workflow['pinData'],
		nodeGroups: workflow['nodeGroups'],
	};
	return createHash('sha256').update(canonical(facts)).digest('base64');
}

/** JSON in which members stand in one order, and what is the same as nothing is not there. */
export function canonical(value: unknown): string {
	return JSON.stringify(value, (_name, inner: unknown) => {
		if (!isObject(inner)) return inner;
		const members = Object.entries(inner).filter(([, member]) => !isNothing(member));
		return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
	});
}
