/* An intrusive doubly linked list: struct list is both the head and the link inside each item. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

#define LIST_INIT(name)                                                                                                \
    {                                                                                                                  \
        &(name), &(name)                                                                                               \
    }
/* The struct that holds a link: list_item(link, struct job, link_member). */
#define list_item(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))
/* Walks while the body may remove the current item. */
#define list_each(link, after, head)                                                                                   \
    for (struct list * (link) = (head)->next, *(after) = (link)->next; (link) != (head);                               \
         (link) = (after), (after) = (link)->next)

static inline void list_init(struct list *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_add_last(struct list *head, struct list *link)
{
    link->next = head;
    link->prev = head->prev;
    head->prev->next = link;
    head->prev = link;
}

static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* Takes the first link out; the list must not be empty. */
static inline struct list *list_take_first(struct list *head)
{
    struct list *first = head->next;

    list_remove(first);
    return first;
}

/* Moves all of `from` behind `head`. */
static inline void list_move_all(struct list *head, struct list *from)
{
    while (!list_empty(from))
        list_add_last(head, list_take_first(from));
}
