import { go, java } from "../support/http-clients.ts";
import { testClients } from "../support/test-http-clients.ts";

testClients([go, java]);
