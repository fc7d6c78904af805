/**
 * What the answers of the API must hold at least; what else they hold is passed on as it is. Facts of n8n 2.41.3, from the
 * OpenAPI description that it serves under /api/v1/openapi.yml and from its answers.
 */
import { z } from 'zod';

import type { Page } from './pages';

/** What an answer is read as, whatever comes. */
export type Shape<T> = z.ZodType<T, z.ZodTypeDef, unknown>;

const text = z.string();
const name = z.object({ id: text, name: text }).passthrough();

/** One page of any list. The cursor is base64 of `{"limit":100,"offset":100}`, and null on the last page. */
function pageOf<T>(entry: Shape<T>): Shape<Page<T>> {
	return z.object({ data: z.array(entry), nextCursor: text.nullish() });
}

const credential = z.object({ id: text, name: text, type: text }).passthrough();
const variable = z.object({ id: text, key: text }).passthrough();
const folder = z.object({ id: text, name: text }).passthrough();
const dataTable = z
	.object({
		id: text,
		name: text,
		projectId: text.optional(),
		columns: z.array(z.object({ name: text, type: text, index: z.number().optional() }).passthrough()),
	})
	.passthrough();
/** Besides its columns it has `createdAt` and `updatedAt`. */
const dataTableRow = z.object({ id: z.number().int() }).passthrough();

/** By the names of nodes, which may be any: zod leaves a member __proto__ out of the objects that it copies. */
const connections = z.custom<Readonly<Record<string, unknown>>>(
	(value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

const workflow = z.object({ id: text, name: text, nodes: z.array(z.unknown()), connections }).passthrough();

const listedWorkflow = z
	.object({
		id: text,
		name: text,
		active: z.boolean().optional(),
		isArchived: z.boolean().optional(),
		/** None where tags are switched off in that n8n. */
		tags: z.array(name).optional(),
		shared: z.array(z.object({ role: text.optional(), projectId: text.optional() }).passthrough()).optional(),
	})
	.passthrough();

export const ANSWERS = {
	workflows: pageOf(listedWorkflow),
	workflow,
	version: z.object({ name: text.nullish(), description: text.nullish() }).passthrough(),
	tags: pageOf(name),
	tag: name,
	credentials: pageOf(credential),
	variables: pageOf(variable),
	projects: pageOf(name),
	folders: z.object({ data: z.array(folder) }),
	dataTables: pageOf(dataTable),
	dataTable,
	dataTableRows: z.object({ data: z.array(dataTableRow), nextCursor: text.nullish() }),
	anything: z.unknown(),
};

/** The workflow of this id: what lies between may give another one, such as a proxy that keeps answers. */
export function workflowOf(id: string): Shape<WholeWorkflow> {
	return workflow.refine((one) => one.id === id, {
		path: ['id'],
		message: 'it is another workflow than was asked for',
	});
}

export type ListedWorkflow = z.infer<typeof listedWorkflow>;
export type WholeWorkflow = z.infer<typeof workflow>;
export type WorkflowVersion = z.infer<typeof ANSWERS.version>;
export type NamedThing = z.infer<typeof name>;
export type CredentialName = z.infer<typeof credential>;
export type Folder = z.infer<typeof folder>;
export type DataTable = z.infer<typeof dataTable>;
export type DataTableRow = z.infer<typeof dataTableRow>;
export type Variable = z.infer<typeof variable>;
