"""What agents are asked: its input from the state, its options, its summary."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.knowledge import KnowledgeActivities
    from activities.resolution import ResolutionActivities
    from activities.triage import TriageActivities
    from closeloop.models.base import clip
    from closeloop.models.proposal import (
        Proposal,
        ProposeRequest,
    )
    from closeloop.models.state import TicketState
    from closeloop.models.steps import (
        ClassifyTicket,
        RetrievedKnowledge,
        RetrieveKnowledge,
    )
    from closeloop.models.triage import Classification, ClassifyRequest
    from workflows import (
        conversation,
        identity,
        options,
        replies,
        standin,
    )
    from workflows.calling import remote


def _agent(state: TicketState) -> options.RemoteOptions:
    return options.STAND_IN if standin.stands_in(state) else options.AGENT


def classify_step(state: TicketState) -> ClassifyTicket:
    """Return what a classifier is given."""
    return ClassifyTicket(
        tenant=state.ticket.tenant,
        ticket_id=state.ticket.ticket_id,
        request=ClassifyRequest(
            subject=state.ticket.subject,
            messages=conversation.turns(state),
            order_ids=state.ticket.order_ids,
            answers_question=conversation.answers_question(state),
        ),
        offline=standin.stands_in(state),
    )


async def classify_ticket(state: TicketState) -> Classification:
    """Read what the customer wants, from their words in the window."""
    return await remote(
        state,
        TriageActivities.classify_ticket,
        classify_step(state),
        Classification,
        summary="understand the customer's words",
        how=_agent(state),
    )


def retrieve_step(state: TicketState, classification: Classification) -> RetrieveKnowledge:
    """Return what knowledge is searched for."""
    texts = list(conversation.customer_texts(state).values())
    return RetrieveKnowledge(
        tenant=state.ticket.tenant,
        ticket_id=state.ticket.ticket_id,
        classification=classification,
        query=clip(f"{state.ticket.subject} {' '.join(texts[-2:])}", 2_000),
        offline=standin.stands_in(state),
    )


async def retrieve_knowledge(
    state: TicketState, classification: Classification
) -> RetrievedKnowledge:
    """Find passages for the customer's words."""
    return await remote(
        state,
        KnowledgeActivities.retrieve_knowledge,
        retrieve_step(state, classification),
        RetrievedKnowledge,
        summary=f"what is known about {classification.intent}",
        how=_agent(state),
    )


def propose_request(state: TicketState, classification: Classification) -> ProposeRequest:
    """Return what a resolution agent is given."""
    customer = state.customer
    named = classification.entities
    return ProposeRequest(
        tenant=state.ticket.tenant,
        ticket_id=state.ticket.ticket_id,
        proposal_number=state.proposal_count + 1,
        customer_id=customer.customer_id if customer else None,
        display_name=customer.display_name if customer else None,
        assurance=identity.assurance(state),
        subject=state.ticket.subject,
        classification_intent=classification.intent,
        confidence=classification.confidence,
        topics=classification.topics,
        order_ids=tuple(dict.fromkeys((*named.order_ids, *state.ticket.order_ids))),
        item_mentions=named.item_mentions,
        amounts=named.amounts,
        passage_ids=tuple(passage.passage_id for passage in state.passages),
        conversation=conversation.window(state),
        earlier=conversation.earlier(state),
        observations=state.observations,
        done=replies.done(state),
        offline=standin.stands_in(state),
    )


async def propose_resolution(state: TicketState, classification: Classification) -> Proposal:
    """Ask the resolution agent what to do next."""
    return await remote(
        state,
        ResolutionActivities.propose_resolution,
        propose_request(state, classification),
        Proposal,
        summary=f"proposal {state.proposal_count + 1}",
        how=_agent(state),
    )
