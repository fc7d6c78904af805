import type { TestProject } from 'vitest/node';
import { prepareData } from './postgres-data';

/** Makes, once and before any test of a project, what its servers start from. */
export default async function prepare(project: TestProject): Promise<() => void> {
	const versions = project.name === 'system' ? ([15, 18] as const) : ([18] as const);
	const removals = await Promise.all(versions.map(prepareData));
	return () => {
		for (const remove of removals) remove();
	};
}
