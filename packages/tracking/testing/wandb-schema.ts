// The part of W&B's GraphQL schema that runs are opened, resumed and told with: as much as a document must be checked
// against, named as the API names it.

import { buildSchema } from 'graphql';

export const SCHEMA = buildSchema(`
  scalar JSONString
  scalar Int64

  type Query {
    viewer: User
    model(name: String, entityName: String): Project
  }
  type Mutation {
    upsertBucket(input: UpsertBucketInput!): UpsertBucketPayload
    createRunFiles(input: CreateRunFilesInput!): CreateRunFilesPayload
  }

  type User { id: ID!, entity: String, username: String }
  type Entity { id: ID!, name: String! }
  type Project {
    id: ID!
    name: String!
    entity: Entity!
    bucket(name: String!, missingOk: Boolean): Run
  }
  type Run {
    id: ID!
    name: String!
    displayName: String
    description: String
    notes: String
    config: JSONString
    sweepName: String
    summaryMetrics: JSONString
    historyLineCount: Int
    logLineCount: Int
    eventsLineCount: Int
    historyTail: JSONString
    eventsTail: JSONString
    tags: [String!]
    wandbConfig(keys: [String!]): JSONString
    project: Project
  }

  input UpsertBucketInput {
    id: String
    name: String
    groupName: String
    modelName: String
    entityName: String
    description: String
    displayName: String
    notes: String
    config: JSONString
    commit: String
    host: String
    debug: Boolean
    jobProgram: String
    jobRepo: String
    jobType: String
    state: String
    sweep: String
    tags: [String!]
    summaryMetrics: JSONString
  }
  type UpsertBucketPayload { bucket: Run, inserted: Boolean }

  input CreateRunFilesInput { entityName: String!, projectName: String!, runName: String!, files: [String!]! }
  type CreateRunFilesPayload { runID: ID!, uploadHeaders: [String!]!, files: [RunFile!]! }
  type RunFile { name: String!, uploadUrl: String }
`);
