import type { IExecuteFunctions } from 'n8n-workflow';

import type { WorkflowChoice } from '../../engine';
import { collectionOf, selectedIn, textOf, yesNoIn } from '../shared/fields';

/** The Selection fields (descriptions/selection.ts) as the engine wants them. @throws BackupError INVALID_INPUT */
export function workflowChoice(context: IExecuteFunctions, item: number): WorkflowChoice {
	const fields = collectionOf(context, 'selection', item, 'Selection');
	const state = textOf(fields['state'] ?? 'all', 'State');
	return {
		ids: selectedIn(fields, 'ids', 'Workflow Names or IDs'),
		names: selectedIn(fields, 'names', 'Names'),
		tags: selectedIn(fields, 'tags', 'Tag Names or IDs'),
		projects: selectedIn(fields, 'projects', 'Project Names or IDs'),
		active: state === 'all' ? undefined : state === 'active',
		withoutArchived: !yesNoIn(fields, 'archived', true, 'Archived'),
	};
}
